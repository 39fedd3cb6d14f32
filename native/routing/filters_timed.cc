// Filters by time: what waits, and what glides.
#include <algorithm>
#include <cmath>

#include "routing/filter_state.h"
#include "routing/filters.h"

namespace mmpy {

namespace {

constexpr double kNear = 0.0005;  // smooth has arrived

// 95 % of a step after `ms`.
void Advance(const FilterStep &step, double *state, double now) {
  const double goal = state[Smooth::kGoal];
  const double ms = goal > state[Smooth::kPresent] ? step.a : step.b;
  state[Smooth::kPresent] +=
      (goal - state[Smooth::kPresent]) * (1.0 - std::pow(20.0, -(now - state[Smooth::kMoved]) / ms));
  state[Smooth::kMoved] = now;
}

double FadedTo(const FilterStep &step, const double *state, double now) {
  const double from = state[Fade::kFrom];
  const double goal = state[Fade::kGoal];
  if (now - state[Fade::kStarted] >= step.a) return goal;
  return from + (goal - from) * ((now - state[Fade::kStarted]) / step.a);
}

bool IsLater(const Filters::Entry &left, const Filters::Entry &right) {
  if (left.due != right.due) return left.due > right.due;
  if (left.pair != right.pair) return left.pair > right.pair;
  return left.step > right.step;
}

bool IsBefore(const Filters::Glider &left, const Filters::Glider &right) {
  return left.pair != right.pair ? left.pair < right.pair : left.step < right.step;
}

}  // namespace

// `result` becomes what Event() returns if this takes the place of a value that waited.
bool Filters::Wait(uint32_t index, const FilterPair &pair, uint32_t number, double value, double &result) {
  const FilterStep &step = table_.steps[number];
  double *const state = state_.data() + pair.state + step.state;
  const double now = Now();
  switch (step.op) {
    case FilterOp::kRate:
      if (!IsKnown(state[Rate::kLast]) || now >= state[Rate::kLast] + step.a) {
        state[Rate::kLast] = now;
        state[Rate::kPending] = kUnknown;
        return true;
      }
      if (IsKnown(state[Rate::kPending])) result = Dropped(step.op);
      state[Rate::kPending] = value;
      if (!IsSet(state[Rate::kQueued])) {
        state[Rate::kQueued] = 1.0;
        Schedule(index, number, state[Rate::kLast] + step.a);
      }
      return false;
    case FilterOp::kSmooth:
      if (!IsKnown(state[Smooth::kGoal])) {
        state[Smooth::kPresent] = state[Smooth::kGoal] = value;
        return true;
      }
      if (IsSet(state[Smooth::kGliding])) {
        if (value == state[Smooth::kGoal]) return false;
        Advance(step, state, now);
        state[Smooth::kGoal] = value;
        return false;
      }
      if (value == state[Smooth::kPresent]) return true;
      state[Smooth::kGoal] = value;
      state[Smooth::kMoved] = now;
      state[Smooth::kGliding] = 1.0;
      Glide(index, number, &state[Smooth::kListed], now);
      return false;
    case FilterOp::kFade: {
      const bool is_gliding = IsSet(state[Fade::kGliding]);
      if (!IsKnown(state[Fade::kGoal])) {
        state[Fade::kGoal] = value;
        return true;
      }
      if (value == state[Fade::kGoal]) return !is_gliding;
      state[Fade::kFrom] = is_gliding ? FadedTo(step, state, now) : state[Fade::kGoal];
      state[Fade::kGoal] = value;
      state[Fade::kStarted] = now;
      if (!is_gliding) {
        state[Fade::kGliding] = 1.0;
        Glide(index, number, &state[Fade::kListed], now);
      }
      if (!IsSet(state[Fade::kQueued])) {
        state[Fade::kQueued] = 1.0;
        Schedule(index, number, now + step.a);
      }
      return false;
    }
    case FilterOp::kDelay:
      EnqueueDelay(index, number, state, value, now + step.a);
      return false;
    case FilterOp::kDebounce:
      if (IsSet(state[Debounce::kQueued])) result = Dropped(step.op);
      state[Debounce::kPending] = value;
      state[Debounce::kDue] = now + step.a;
      if (!IsSet(state[Debounce::kQueued])) {
        state[Debounce::kQueued] = 1.0;
        Schedule(index, number, state[Debounce::kDue]);
      }
      return false;
    default:
      return true;
  }
}

void Filters::EnqueueDelay(uint32_t index, uint32_t number, double *state, double value, double due) {
  const auto owner = static_cast<uint32_t>(state - state_.data());
  const uint32_t node = delays_.Add(owner, value, due, [&](uint32_t lost) {
    double *const list = state_.data() + delays_[lost].owner;
    const uint32_t next = delays_[lost].next;
    list[Delay::kHead] = next == DelayPool::kNone ? kUnknown : next;
    if (next == DelayPool::kNone) list[Delay::kTail] = kUnknown;
  });
  if (node == DelayPool::kNone) return;
  if (IsKnown(state[Delay::kTail])) {
    delays_[static_cast<uint32_t>(state[Delay::kTail])].next = node;
  } else {
    state[Delay::kHead] = node;
  }
  state[Delay::kTail] = node;
  if (!IsSet(state[Delay::kQueued])) {
    state[Delay::kQueued] = 1.0;
    Schedule(index, number, due);
  }
}

void Filters::Schedule(uint32_t index, uint32_t number, double due) {
  heap_.push_back({due, index, number});  // there is room for one of each step
  std::push_heap(heap_.begin(), heap_.end(), IsLater);
  next_due_ = std::min(next_due_, due);
}

Filters::Entry Filters::PopEntry() {
  std::pop_heap(heap_.begin(), heap_.end(), IsLater);
  const Entry entry = heap_.back();
  heap_.pop_back();
  return entry;
}

void Filters::Glide(uint32_t index, uint32_t number, double *listed, double now) {
  if (gliding_++ == 0) {
    tick_due_ = now + kGridMs;
    next_due_ = std::min(next_due_, tick_due_);
  }
  if (IsSet(*listed)) return;
  *listed = 1.0;
  const Glider glider{index, number};
  if (!gliders_.empty() && IsBefore(glider, gliders_.back())) gliders_sorted_ = false;
  gliders_.push_back(glider);  // there is room for each
}

void Filters::Continue(uint32_t index, uint32_t number, double value) {
  if (Run(index, number + 1, value)) {
    sink_.Filtered(table_.pairs[index], value);
  } else {
    CountDrop(value);
  }
}

// Everything in the order of its time; what is due at the same time in the order of the lines.
void Filters::RunDue(double now) {
  now_ = now = std::max(now_, now);
  for (;;) {
    const double tick = gliding_ > 0 ? tick_due_ : kNever;
    const double entry = heap_.empty() ? kNever : heap_.front().due;
    if (std::min(tick, entry) > now) break;
    if (entry < tick) {
      RunEntry(PopEntry(), now);
    } else {
      Tick(now);
    }
  }
  if (gliding_ == 0 && !gliders_.empty()) RemoveRested();
  FindNextDue();
}

void Filters::FindNextDue() {
  next_due_ = std::min(gliding_ > 0 ? tick_due_ : kNever, heap_.empty() ? kNever : heap_.front().due);
}

void Filters::RunEntry(const Entry &entry, double now) {
  const FilterStep &step = table_.steps[entry.step];
  double *const state = StateOf(entry.pair, entry.step);
  const auto again = [&](double *queued, double due) {
    *queued = 1.0;
    Schedule(entry.pair, entry.step, due);
  };
  switch (step.op) {
    case FilterOp::kRate: {
      state[Rate::kQueued] = kUnknown;
      const double value = state[Rate::kPending];
      if (!IsKnown(value)) return;
      if (now < state[Rate::kLast] + step.a) return again(&state[Rate::kQueued], state[Rate::kLast] + step.a);
      state[Rate::kPending] = kUnknown;
      state[Rate::kLast] = now;
      return Continue(entry.pair, entry.step, value);
    }
    case FilterOp::kFade: {
      state[Fade::kQueued] = kUnknown;
      if (!IsSet(state[Fade::kGliding])) return;
      const double end = state[Fade::kStarted] + step.a;
      if (now < end) return again(&state[Fade::kQueued], end);
      state[Fade::kGliding] = kUnknown;
      --gliding_;
      return Continue(entry.pair, entry.step, state[Fade::kGoal]);
    }
    case FilterOp::kDelay: {
      state[Delay::kQueued] = kUnknown;
      if (!IsKnown(state[Delay::kHead])) return;
      const auto head = static_cast<uint32_t>(state[Delay::kHead]);
      const DelayPool::Node node = delays_[head];
      if (now < node.due) return again(&state[Delay::kQueued], node.due);
      delays_.Free(head);
      if (node.next == DelayPool::kNone) {
        state[Delay::kHead] = state[Delay::kTail] = kUnknown;
      } else {
        state[Delay::kHead] = node.next;
        again(&state[Delay::kQueued], delays_[node.next].due);
      }
      return Continue(entry.pair, entry.step, node.value);
    }
    case FilterOp::kDebounce: {
      state[Debounce::kQueued] = kUnknown;
      const double value = state[Debounce::kPending];
      if (!IsKnown(value)) return;
      if (now < state[Debounce::kDue]) return again(&state[Debounce::kQueued], state[Debounce::kDue]);
      state[Debounce::kPending] = kUnknown;
      return Continue(entry.pair, entry.step, value);
    }
    default:
      return;
  }
}

void Filters::Tick(double now) {
  const double due = tick_due_;
  tick_due_ += kGridMs * (std::floor((now - due) / kGridMs) + 1.0);
  if (!gliders_sorted_) {
    std::sort(gliders_.begin(), gliders_.end(), IsBefore);
    gliders_sorted_ = true;
  }
  const size_t count = gliders_.size();  // those that begin meanwhile wait for the next tick
  for (size_t i = 0; i < count; ++i) {
    const Glider glider = gliders_[i];
    const Entry here{due, glider.pair, glider.step};
    while (!heap_.empty() && IsLater(here, heap_.front())) RunEntry(PopEntry(), now);
    MoveGlider(glider, now);
  }
  RemoveRested();
}

void Filters::MoveGlider(const Glider &glider, double now) {
  const FilterStep &step = table_.steps[glider.step];
  double *const state = StateOf(glider.pair, glider.step);
  if (step.op == FilterOp::kFade) {
    if (!IsSet(state[Fade::kGliding]) || now == state[Fade::kStarted]) return;
    const double value = FadedTo(step, state, now);
    if (now - state[Fade::kStarted] >= step.a) {
      state[Fade::kGliding] = kUnknown;
      --gliding_;
    }
    return Continue(glider.pair, glider.step, value);
  }
  if (!IsSet(state[Smooth::kGliding]) || now == state[Smooth::kMoved]) return;
  Advance(step, state, now);
  if (std::abs(state[Smooth::kGoal] - state[Smooth::kPresent]) < kNear) {
    state[Smooth::kPresent] = state[Smooth::kGoal];
    state[Smooth::kGliding] = kUnknown;
    --gliding_;
  }
  Continue(glider.pair, glider.step, state[Smooth::kPresent]);
}

void Filters::RemoveRested() {
  const auto rests = [&](const Glider &glider) {
    double *const state = StateOf(glider.pair, glider.step);
    const bool fades = table_.steps[glider.step].op == FilterOp::kFade;
    if (IsSet(state[fades ? static_cast<int>(Fade::kGliding) : static_cast<int>(Smooth::kGliding)])) return false;
    state[fades ? static_cast<int>(Fade::kListed) : static_cast<int>(Smooth::kListed)] = kUnknown;
    return true;
  };
  gliders_.erase(std::remove_if(gliders_.begin(), gliders_.end(), rests), gliders_.end());
}

}  // namespace mmpy
