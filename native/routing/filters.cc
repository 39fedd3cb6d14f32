#include "routing/filters.h"

#include <algorithm>
#include <cmath>

namespace mmpy {

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

bool IsKnown(double number) { return number == number; }
bool IsSet(double flag) { return flag == 1.0; }

// Straight lines between points, constant beyond.
double AtPoints(const double *points, uint32_t count, double value) {
  if (value <= points[0]) return points[1];
  for (uint32_t i = 1; i < count; ++i) {
    const double *const right = points + 2 * i;
    if (value > right[0]) continue;
    if (value == right[0]) return right[1];
    const double *const left = right - 2;
    const double y = left[1] + (right[1] - left[1]) * ((value - left[0]) / (right[0] - left[0]));
    return std::min(std::max(y, std::min(left[1], right[1])), std::max(left[1], right[1]));
  }
  return points[2 * count - 1];
}

// The result is exact at both ends; rounding does not take it beyond them.
inline double InRange(double low, double high, double value) {
  if (value == 1.0) return high;
  return std::min(std::max(low + value * (high - low), std::min(low, high)), std::max(low, high));
}

inline double InWindow(double low, double high, double value) {
  return std::min(std::max((value - low) / (high - low), 0.0), 1.0);
}

// What is not negative is rounded down by a conversion, which calls no function.
inline double Rounded(double last, double value) {
  return static_cast<double>(static_cast<int64_t>(value * last + 0.5)) / last;
}

double Uneased(double value) {
  if (value <= 0.0 || value >= 1.0) return value;
  return std::min(std::max(0.5 - std::sin(std::asin(1.0 - 2.0 * value) / 3.0), 0.0), 1.0);
}

// Places in the state of an operation.
struct Rate {
  enum { kLast, kPending, kQueued };
};
struct Smooth {
  enum { kPresent, kGoal, kMoved, kGliding, kListed };
};
struct Fade {
  enum { kFrom, kGoal, kStarted, kGliding, kListed, kQueued };
};
struct Delay {
  enum { kHead, kTail, kQueued };
};
struct Debounce {
  enum { kPending, kDue, kQueued };
};

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

double Filtered(const FilterStep &step, double value) {
  if (step.op == FilterOp::kPower) return std::pow(value, step.a);
  if (step.op == FilterOp::kUnease) return Uneased(value);
  return IsStateless(step.op) ? Filters::Compute(&step, &step + 1, nullptr, value) : value;
}

bool Filters::waits(uint32_t index) const {
  const FilterPair &pair = table_.pairs[index];
  return std::any_of(table_.steps.begin() + pair.begin, table_.steps.begin() + pair.end,
                     [](const FilterStep &step) { return IsTimed(step.op) && step.op != FilterOp::kRate; });
}

double Filters::Now() {
  now_ = std::max(now_, sink_.FilterTime());
  return now_;
}

double Filters::Compute(const FilterStep *step, const FilterStep *end, double *state, double value) {
  for (; step != end; ++step) {
    switch (step->op) {
      case FilterOp::kInvert:
        value = 1.0 - value;
        break;
      case FilterOp::kRange:
        value = InRange(step->a, step->b, value);
        break;
      case FilterOp::kWindow:
        value = InWindow(step->a, step->b, value);
        break;
      case FilterOp::kEase:
        value = value * value * (3.0 - 2.0 * value);
        break;
      case FilterOp::kPoints:
        value = AtPoints(step->points, step->point_count, value);
        break;
      case FilterOp::kSteps:
        value = Rounded(step->a - 1.0, value);
        break;
      case FilterOp::kClamp:
        value = std::min(std::max(value, step->a), step->b);
        break;
      case FilterOp::kWithin:
        if (value < step->a || value > step->b) return Dropped(FilterOp::kWithin);
        break;
      case FilterOp::kThreshold: {
        double &before = state[step->state];
        const double out = value >= step->a || (value >= step->b && IsSet(before)) ? 1.0 : 0.0;
        if (out == before) return Dropped(FilterOp::kThreshold);
        value = before = out;
        break;
      }
      case FilterOp::kPress: {
        double &pressed = state[step->state];
        const bool was_pressed = IsSet(pressed);
        pressed = value > 0.0 ? 1.0 : 0.0;
        if (was_pressed || value <= 0.0) return Dropped(FilterOp::kPress);
        value = 1.0;
        break;
      }
      case FilterOp::kDedup:
        if (value == state[step->state]) return Dropped(FilterOp::kDedup);
        state[step->state] = value;
        break;
      case FilterOp::kDeadband: {
        double &before = state[step->state];
        const bool at_end = (value == 0.0 || value == 1.0) && value != before;
        if (IsKnown(before) && !at_end && !(std::abs(value - before) >= step->a)) return Dropped(FilterOp::kDeadband);
        before = value;
        break;
      }
      default:
        break;
    }
  }
  return value;
}

double Filters::EventSlowly(uint32_t index, double value) {
  if (next_due_ != kNever && next_due_ <= Now()) RunDue(now_);
  Run(index, table_.pairs[index].begin, value);
  return value;
}

// The steps from one on. Returns whether the value has passed them all; if not, it is what Event() returns.
bool Filters::Run(uint32_t index, uint32_t first, double &value) {
  const FilterPair &pair = table_.pairs[index];
  double v = value;
  const FilterStep *const steps = table_.steps.data();
  const FilterStep *const end = steps + pair.end;
  for (const FilterStep *step = steps + first; step != end; ++step) {
    if (step->op == FilterOp::kPower || step->op == FilterOp::kUnease) {
      v = mmpy::Filtered(*step, v);
    } else if (IsSimple(step->op)) {
      v = Compute(step, step + 1, state_.data() + pair.state, v);
      if (v < 0.0) {
        value = v;
        return false;
      }
    } else if (!Remember(index, pair, static_cast<uint32_t>(step - steps), v)) {
      value = v;
      return false;
    }
  }
  if (pair.cell != 0) {
    Note(pair.cell, index, v);
    if (pair.target == FilterPair::kNoTarget) {
      value = kHeld;
      return false;
    }
  }
  value = v;
  return true;
}

// What the target's value is where a step stands. False if it is not known.
bool Filters::TakeBack(const FilterPair &pair, const FilterStep &step, double &value) const {
  if (!step.looks || pair.cell == 0 || !IsKnown(cells_[pair.cell - 1].value)) return false;
  value = cells_[pair.cell - 1].value;
  for (uint32_t i = step.back; i < step.back_end; ++i) value = mmpy::Filtered(table_.steps[i], value);
  return true;
}

// As Run().
bool Filters::Remember(uint32_t index, const FilterPair &pair, uint32_t number, double &value) {
  const FilterStep &step = table_.steps[number];
  double *const state = state_.data() + pair.state + step.state;
  switch (step.op) {
    case FilterOp::kToggle: {
      const bool was_pressed = IsSet(state[0]);
      state[0] = value > 0.0 ? 1.0 : 0.0;
      if (was_pressed || value <= 0.0) {
        value = Dropped(step.op);
        return false;
      }
      double present = 0.0;
      const bool is_on = TakeBack(pair, step, present) ? present >= 0.5 : IsSet(state[1]);
      value = state[1] = is_on ? 0.0 : 1.0;
      return true;
    }
    case FilterOp::kPickup:
      if (Pickup(pair, index, step, state, value)) return true;
      value = Dropped(step.op);
      return false;
    default: {
      double result = kHeld;
      if (Wait(index, pair, number, value, result)) return true;
      value = result;
      return false;
    }
  }
}

bool Filters::Pickup(const FilterPair &pair, uint32_t index, const FilterStep &step, double *state, double &value) {
  enum { kEngaged, kPrevious, kPassed };
  const double tolerance = step.a;
  const bool scales = step.b != 0.0;
  const double before = state[kPrevious];
  state[kPrevious] = value;
  double present = 0.0;
  if (!TakeBack(pair, step, present)) {
    state[kEngaged] = 1.0;
    state[kPassed] = value;
    return true;
  }
  const bool is_moved = cells_[pair.cell - 1].writer != index && std::abs(present - state[kPassed]) > tolerance;
  bool engaged = IsSet(state[kEngaged]) && !is_moved;
  if (!engaged && scales) {
    if (!IsKnown(before)) {
      state[kEngaged] = 0.0;
      return false;
    }
    double moved = present;
    if (value > before) moved = present + (value - before) * (1.0 - present) / (1.0 - before);
    if (value < before) moved = present - (before - value) * present / before;
    moved = std::min(std::max(moved, 0.0), 1.0);
    engaged = std::abs(value - moved) <= tolerance;
    if (!engaged) value = moved;
    state[kEngaged] = engaged ? 1.0 : 0.0;
    state[kPassed] = value;
    return true;
  }
  if (!engaged) {
    const bool crossed = IsKnown(before) && (before - present) * (value - present) <= 0.0;
    engaged = std::abs(value - present) <= tolerance || crossed;
  }
  state[kEngaged] = engaged ? 1.0 : 0.0;
  if (engaged) state[kPassed] = value;
  return engaged;
}

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
