#include "routing/filter_table.h"

#include <algorithm>

namespace mmpy {

namespace {

// How many arguments an operation has; points have any even number.
size_t ArgumentsOf(FilterOp op) {
  switch (op) {
    case FilterOp::kRange:
    case FilterOp::kWindow:
    case FilterOp::kClamp:
    case FilterOp::kWithin:
    case FilterOp::kThreshold:
    case FilterOp::kSmooth:
    case FilterOp::kPickup:
      return 2;
    case FilterOp::kPower:
    case FilterOp::kSteps:
    case FilterOp::kDeadband:
    case FilterOp::kRate:
    case FilterOp::kFade:
    case FilterOp::kDelay:
    case FilterOp::kDebounce:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

uint32_t FilterTable::StateOf(FilterOp op) {
  switch (op) {
    case FilterOp::kThreshold:
    case FilterOp::kPress:
    case FilterOp::kDedup:
    case FilterOp::kDeadband:
      return 1;
    case FilterOp::kToggle:
      return 2;
    case FilterOp::kRate:
    case FilterOp::kDelay:
    case FilterOp::kDebounce:
    case FilterOp::kPickup:
      return 3;
    case FilterOp::kSmooth:
      return 5;
    case FilterOp::kFade:
      return 6;
    default:
      return 0;
  }
}

bool FilterTable::Fill(const std::vector<RawPair> &raw_pairs, const std::vector<uint32_t> &chain_offsets,
                       const std::vector<RawStep> &raw_steps, const std::vector<uint32_t> &owner) {
  const size_t chains = keys.size();
  if (chain_offsets.size() != chains + 1 || chain_offsets.front() != 0 || chain_offsets.back() != raw_steps.size() ||
      !std::is_sorted(chain_offsets.begin(), chain_offsets.end())) {
    return false;
  }
  steps.reserve(raw_steps.size());
  for (const RawStep &raw : raw_steps) {
    if (raw.op >= kFilterOps || raw.first_arg > args.size() || raw.arg_count > args.size() - raw.first_arg)
      return false;
    FilterStep step{static_cast<FilterOp>(raw.op)};
    const double *const values = args.data() + raw.first_arg;
    if (step.op == FilterOp::kPoints) {
      if (raw.arg_count < 4 || raw.arg_count % 2 != 0) return false;
      step.points = values;
      step.point_count = raw.arg_count / 2;
    } else if (raw.arg_count != ArgumentsOf(step.op)) {
      return false;
    } else {
      if (raw.arg_count > 0) step.a = values[0];
      if (raw.arg_count > 1) step.b = values[1];
    }
    if (raw.back > chains) return false;
    if (raw.back > 0) {
      step.looks = true;
      step.back = chain_offsets[raw.back - 1];
      step.back_end = chain_offsets[raw.back];
      for (uint32_t i = step.back; i < step.back_end; ++i) {
        if (raw_steps[i].op >= kFilterOps || !IsStateless(static_cast<FilterOp>(raw_steps[i].op))) return false;
      }
    }
    steps.push_back(step);
  }
  std::vector<uint32_t> chain_state(chains);
  std::vector<uint32_t> chain_timed(chains);
  for (size_t chain = 0; chain < chains; ++chain) {
    for (uint32_t i = chain_offsets[chain]; i < chain_offsets[chain + 1]; ++i) {
      steps[i].state = chain_state[chain];
      chain_state[chain] += StateOf(steps[i].op);
      if (IsTimed(steps[i].op)) ++chain_timed[chain];
    }
  }
  pairs.reserve(raw_pairs.size());
  origins.reserve(raw_pairs.size());
  for (const RawPair &raw : raw_pairs) {
    const bool notes = raw.target == FilterPair::kNoTarget;
    if (raw.chain >= chains || raw.source >= owner.size() || raw.cell > watched.size()) return false;
    if (notes ? raw.cell == 0 || chain_state[raw.chain] > 0 : raw.target >= owner.size()) return false;
    if (state_size > UINT32_MAX - chain_state[raw.chain]) return false;
    const FilterStep *const first = steps.data() + chain_offsets[raw.chain];
    const FilterStep *const last = steps.data() + chain_offsets[raw.chain + 1];
    FilterPair::Kind kind = FilterPair::kOther;
    if (raw.cell == 0) {
      if (std::all_of(first, last, [](const FilterStep &step) { return IsSimple(step.op); }))
        kind = FilterPair::kSimple;
      if (last - first == 1 && first->op == FilterOp::kPower) kind = FilterPair::kPower;
    }
    pairs.push_back({chain_offsets[raw.chain], chain_offsets[raw.chain + 1], raw.target,
                     notes ? 0 : owner[raw.target] + 1, static_cast<uint32_t>(state_size), raw.cell, kind, first,
                     last});
    origins.push_back({raw.source, raw.chain});
    state_size += chain_state[raw.chain];
    timed_steps += chain_timed[raw.chain];
  }
  if (!std::is_sorted(watched.begin(), watched.end())) return false;
  return watched.empty() || watched.back() < owner.size();
}

}  // namespace mmpy
