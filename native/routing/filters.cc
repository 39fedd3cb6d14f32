// Values on their way through a chain, and filters that look at their target.
#include "routing/filters.h"

#include <algorithm>
#include <cmath>

#include "routing/filter_state.h"

namespace mmpy {

bool Filters::waits(uint32_t index) const {
  const FilterPair &pair = table_.pairs[index];
  return std::any_of(table_.steps.begin() + pair.begin, table_.steps.begin() + pair.end,
                     [](const FilterStep &step) { return IsTimed(step.op) && step.op != FilterOp::kRate; });
}

double Filters::Now() {
  now_ = std::max(now_, sink_.FilterTime());
  return now_;
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

}  // namespace mmpy
