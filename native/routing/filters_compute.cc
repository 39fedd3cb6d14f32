// Filters that are computed at once, where speed does not count.
#include <algorithm>
#include <cmath>

#include "routing/filter_steps.h"
#include "routing/filters.h"

namespace mmpy {

namespace {

double Uneased(double value) {
  if (value <= 0.0 || value >= 1.0) return value;
  return std::min(std::max(0.5 - std::sin(std::asin(1.0 - 2.0 * value) / 3.0), 0.0), 1.0);
}

}  // namespace

double Filtered(const FilterStep &step, double value) {
  if (step.op == FilterOp::kPower) return std::pow(value, step.a);
  if (step.op == FilterOp::kUnease) return Uneased(value);
  return IsStateless(step.op) ? Filters::Compute(&step, &step + 1, nullptr, value) : value;
}

double Filters::Compute(const FilterStep *step, const FilterStep *end, double *state, double value) {
  return ComputeSteps(step, end, state, value);
}

}  // namespace mmpy
