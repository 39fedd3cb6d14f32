// Filters that are computed at once: those without state, and those that compare a value with the last one. They are
// inlined where rows with filters are taken in a row.
#ifndef MMPY_FILTER_STEPS_H
#define MMPY_FILTER_STEPS_H

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "routing/filter_state.h"
#include "routing/filter_table.h"

namespace mmpy {

// What stands for a value that an operation has dropped: less than -1.
constexpr double DroppedBy(FilterOp op) { return -2.0 - static_cast<double>(op); }

// Straight lines between points, constant beyond.
inline double AtPoints(const double *points, uint32_t count, double value) {
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

// See Filters::Compute().
inline double ComputeSteps(const FilterStep *step, const FilterStep *end, double *state, double value) {
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
        if (value < step->a || value > step->b) return DroppedBy(FilterOp::kWithin);
        break;
      case FilterOp::kThreshold: {
        double &before = state[step->state];
        const double out = value >= step->a || (value >= step->b && IsSet(before)) ? 1.0 : 0.0;
        if (out == before) return DroppedBy(FilterOp::kThreshold);
        value = before = out;
        break;
      }
      case FilterOp::kPress: {
        double &pressed = state[step->state];
        const bool was_pressed = IsSet(pressed);
        pressed = value > 0.0 ? 1.0 : 0.0;
        if (was_pressed || value <= 0.0) return DroppedBy(FilterOp::kPress);
        value = 1.0;
        break;
      }
      case FilterOp::kDedup:
        if (value == state[step->state]) return DroppedBy(FilterOp::kDedup);
        state[step->state] = value;
        break;
      case FilterOp::kDeadband: {
        double &before = state[step->state];
        const bool at_end = (value == 0.0 || value == 1.0) && value != before;
        if (IsKnown(before) && !at_end && !(std::abs(value - before) >= step->a)) return DroppedBy(FilterOp::kDeadband);
        before = value;
        break;
      }
      default:
        break;
    }
  }
  return value;
}

}  // namespace mmpy

#endif
