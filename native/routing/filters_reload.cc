// What becomes of the state of pairs when the mapping is exchanged: a pair with the same filters goes on as if nothing
// had happened; the newest value that waits in one with other filters is delivered, so that nothing stays half-way;
// what waits in one that is gone is dropped.
#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>

#include "routing/filter_state.h"
#include "routing/filters.h"

namespace mmpy {

namespace {

// Pairs of channels, for searching.
struct Place {
  ChannelId source;
  ChannelId target;
  uint32_t pair;
  bool operator<(const Place &other) const {
    return source != other.source ? source < other.source : target < other.target;
  }
};

// Chains of the old mapping -> of the new one, by their keys.
std::vector<uint32_t> SameChains(const std::vector<std::string> &before, const std::vector<std::string> &after) {
  std::unordered_map<std::string, uint32_t> known;
  for (size_t i = 0; i < after.size(); ++i) known.emplace(after[i], static_cast<uint32_t>(i));
  std::vector<uint32_t> same;
  same.reserve(before.size());
  for (const std::string &key : before) {
    const auto found = known.find(key);
    same.push_back(found == known.end() ? UINT32_MAX : found->second);
  }
  return same;
}

// The value that waits in a step, without changing it; NaN if none does. The newest, in a delay.
double WaitingIn(const FilterStep &step, const double *state, const DelayPool &delays) {
  switch (step.op) {
    case FilterOp::kRate:
      return state[1];
    case FilterOp::kSmooth:
    case FilterOp::kFade:
      return IsSet(state[3]) ? state[1] : kUnknown;
    case FilterOp::kDelay:
      return IsKnown(state[1]) ? delays[static_cast<uint32_t>(state[1])].value : kUnknown;
    case FilterOp::kDebounce:
      return state[0];
    default:
      return kUnknown;
  }
}

}  // namespace

bool Filters::HasWaiting(uint32_t old_pair) const {
  const FilterPair &pair = table_.pairs[old_pair];
  for (uint32_t i = pair.begin; i < pair.end; ++i) {
    const FilterStep &step = table_.steps[i];
    if (IsKnown(WaitingIn(step, state_.data() + pair.state + step.state, delays_))) return true;
  }
  return false;
}

// The newest value that waits, which is in the first step of those that have one, after the steps behind that, in which
// nothing waits any more.
bool Filters::TakeWaiting(uint32_t old_pair, double &value) {
  const FilterPair &pair = table_.pairs[old_pair];
  bool found = false;
  for (uint32_t i = pair.begin; i < pair.end; ++i) {
    const FilterStep &step = table_.steps[i];
    if (IsTimed(step.op)) {
      const double waiting = WaitingIn(step, state_.data() + pair.state + step.state, delays_);
      if (!found && IsKnown(waiting)) {
        value = waiting;
        found = true;
      }
      continue;
    }
    if (!found) continue;
    if (step.op == FilterOp::kPower || step.op == FilterOp::kUnease) {
      value = mmpy::Filtered(step, value);
    } else if (IsSimple(step.op)) {
      value = Compute(&step, &step + 1, state_.data() + pair.state, value);
      if (value < 0.0) return false;
    } else if (!Remember(old_pair, pair, i, value)) {
      return false;
    }
  }
  return found;
}

Filters::Next Filters::Prepare(FilterTable table, const Renumbering &numbers) const {
  Next next;
  next.table = std::move(table);
  next.state.assign(next.table.state_size, kUnknown);
  next.cells.assign(next.table.watched.size(), {kUnknown, kNoPair});
  next.heap.reserve(next.table.timed_steps);
  next.gliders.reserve(next.table.timed_steps);
  next.new_pair.assign(table_.pairs.size(), kNoPair);
  if (table_.pairs.empty()) return next;

  const std::vector<uint32_t> same = SameChains(table_.keys, next.table.keys);
  std::vector<Place> places;
  places.reserve(next.table.pairs.size());
  for (size_t i = 0; i < next.table.pairs.size(); ++i) {
    places.push_back({next.table.origins[i].source, next.table.pairs[i].target, static_cast<uint32_t>(i)});
  }
  std::sort(places.begin(), places.end());
  std::vector<Place> unplaced;  // those that wait and have no filters any more, if they are there at all
  for (uint32_t i = 0; i < table_.pairs.size(); ++i) {
    const ChannelId source = numbers.Number(table_.origins[i].source);
    const bool only_notes = table_.pairs[i].target == FilterPair::kNoTarget;
    const ChannelId target = only_notes ? FilterPair::kNoTarget : numbers.Number(table_.pairs[i].target);
    if (source == FilterPair::kNoTarget || (target == FilterPair::kNoTarget && !only_notes)) continue;
    const auto found = std::equal_range(places.begin(), places.end(), Place{source, target, 0});
    for (auto place = found.first; place != found.second; ++place) {
      if (next.table.origins[place->pair].chain == same[table_.origins[i].chain]) next.new_pair[i] = place->pair;
    }
    if (next.new_pair[i] != kNoPair || !HasWaiting(i)) continue;
    if (found.first == found.second) {
      unplaced.push_back({source, target, i});
    } else {
      next.moved.push_back({target, numbers.SlotOf(target), next.table.pairs[found.first->pair].cell, i, 0.0});
    }
  }
  std::sort(unplaced.begin(), unplaced.end());
  std::vector<ChannelId> targets;
  for (size_t i = 0; i < unplaced.size(); ++i) {
    if (i == 0 || unplaced[i].source != unplaced[i - 1].source) {
      targets.clear();
      numbers.AppendTargets(unplaced[i].source, targets);
      std::sort(targets.begin(), targets.end());
    }
    const ChannelId target = unplaced[i].target;
    if (!std::binary_search(targets.begin(), targets.end(), target)) continue;
    next.moved.push_back({target, numbers.SlotOf(target), 0, unplaced[i].pair, 0.0});
  }
  std::sort(next.moved.begin(), next.moved.end(),
            [](const Moved &left, const Moved &right) { return left.old_pair < right.old_pair; });
  // What channels had last; that of one that is looked at only now is not known.
  std::unordered_map<ChannelId, size_t> cells;
  for (size_t i = 0; i < next.table.watched.size(); ++i) cells.emplace(next.table.watched[i], i);
  for (size_t i = 0; i < table_.watched.size(); ++i) {
    const auto found = cells.find(numbers.Number(table_.watched[i]));
    if (found == cells.end()) continue;
    const Cell &cell = cells_[i];
    const uint32_t writer = cell.writer == kNoPair ? kNoPair : next.new_pair[cell.writer];
    next.cells[found->second] = {cell.value, writer};
  }
  return next;
}

void Filters::Install(Next &next) {
  // By the old tables, and before anything is moved.
  const auto passes = [&](Moved &moved) { return TakeWaiting(moved.old_pair, moved.value); };
  next.moved.erase(std::remove_if(next.moved.begin(), next.moved.end(), [&](Moved &moved) { return !passes(moved); }),
                   next.moved.end());
  for (uint32_t i = 0; i < table_.pairs.size(); ++i) MoveState(i, next.new_pair[i], next);
  table_ = std::move(next.table);
  state_ = std::move(next.state);
  cells_ = std::move(next.cells);
  heap_ = std::move(next.heap);
  gliders_ = std::move(next.gliders);
  gliders_sorted_ = true;
  const double tick = tick_due_;
  gliding_ = 0;
  for (const uint32_t pair : next.new_pair) {
    if (pair != kNoPair) Restart(pair);
  }
  if (gliding_ > 0) tick_due_ = tick;
  FindNextDue();
  for (const Moved &moved : next.moved) {
    if (moved.cell != 0) Note(moved.cell, kNoPair, moved.value);
  }
}

// Moves a pair's numbers, and lists in delays; frees those of a pair that does not continue.
void Filters::MoveState(uint32_t old_pair, uint32_t new_pair, Next &next) {
  const FilterPair &pair = table_.pairs[old_pair];
  for (uint32_t i = pair.begin; i < pair.end; ++i) {
    const FilterStep &step = table_.steps[i];
    const double *const from = state_.data() + pair.state + step.state;
    double *to = nullptr;
    if (new_pair != kNoPair) {
      const FilterPair &goes_on = next.table.pairs[new_pair];
      to = next.state.data() + goes_on.state + next.table.steps[goes_on.begin + (i - pair.begin)].state;
      std::copy_n(from, FilterTable::StateOf(step.op), to);
    }
    if (step.op != FilterOp::kDelay || !IsKnown(from[0])) continue;
    for (auto node = static_cast<uint32_t>(from[0]); node != DelayPool::kNone;) {
      const uint32_t following = delays_[node].next;
      if (to != nullptr) {
        delays_[node].owner = static_cast<uint32_t>(to - next.state.data());
      } else {
        delays_.Free(node);
      }
      node = following;
    }
  }
}

// Puts what waits in a pair into the heap and the list of gliders.
void Filters::Restart(uint32_t index) {
  const FilterPair &pair = table_.pairs[index];
  for (uint32_t i = pair.begin; i < pair.end; ++i) {
    const FilterStep &step = table_.steps[i];
    if (!IsTimed(step.op)) continue;
    double *const state = state_.data() + pair.state + step.state;
    const bool waits = IsKnown(WaitingIn(step, state, delays_));
    switch (step.op) {
      case FilterOp::kSmooth:
        state[4] = kUnknown;
        if (waits) Glide(index, i, &state[4], now_);
        break;
      case FilterOp::kFade:
        state[4] = state[5] = kUnknown;
        if (!waits) break;
        Glide(index, i, &state[4], now_);
        state[5] = 1.0;
        Schedule(index, i, state[2] + step.a);
        break;
      default: {
        state[2] = waits ? 1.0 : kUnknown;
        if (!waits) break;
        const double due = step.op == FilterOp::kRate    ? state[0] + step.a
                           : step.op == FilterOp::kDelay ? delays_[static_cast<uint32_t>(state[0])].due
                                                         : state[1];
        Schedule(index, i, due);
      }
    }
  }
}

void Filters::Clear() {
  Next nothing;
  nothing.new_pair = {};
  for (uint32_t i = 0; i < table_.pairs.size(); ++i) MoveState(i, kNoPair, nothing);
  std::fill(state_.begin(), state_.end(), kUnknown);
  heap_.clear();
  gliders_.clear();
  gliding_ = 0;
  next_due_ = kNever;
}

}  // namespace mmpy
