// Filters on mappings, as tables: chains of operations, and the pairs of channels that have one.
#ifndef MMPY_FILTER_TABLE_H
#define MMPY_FILTER_TABLE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "routing/destination.h"
#include "routing/event_buffer.h"

namespace mmpy {

// By their numbers in lib/filters/declare.ts, which describes them.
enum class FilterOp : uint32_t {
  kInvert,
  kRange,      // low, high
  kWindow,     // low, high
  kPower,      // exponent
  kEase,       // v²(3 - 2v)
  kUnease,     // its inverse
  kPoints,     // x, y, x, y, ...
  kSteps,      // count
  kClamp,      // low, high
  kWithin,     // low, high
  kThreshold,  // on, off
  kPress,
  kToggle,
  kDedup,
  kDeadband,  // change
  kRate,      // ms between two values
  kSmooth,    // ms upwards, ms downwards
  kFade,      // ms
  kDelay,     // ms
  kDebounce,  // ms
  kPickup,    // tolerance, whether it scales
};
constexpr uint32_t kFilterOps = static_cast<uint32_t>(FilterOp::kPickup) + 1;

inline bool IsStateless(FilterOp op) { return op <= FilterOp::kWithin; }
// Computed in a few nanoseconds by Filters::Compute().
inline bool IsSimple(FilterOp op) {
  return op != FilterOp::kPower && op != FilterOp::kUnease && op <= FilterOp::kDeadband && op != FilterOp::kToggle;
}
inline bool IsTimed(FilterOp op) { return op >= FilterOp::kRate && op <= FilterOp::kDebounce; }

// One operation of a chain.
struct FilterStep {
  FilterOp op;
  uint32_t state = 0;   // of its first number in the state of a pair
  double a = 0, b = 0;  // its arguments, prepared
  const double *points = nullptr;
  uint32_t point_count = 0;
  uint32_t back = 0;      // kToggle, kPickup: the steps that take the target's value back,
  uint32_t back_end = 0;  // from `back` up to here;
  bool looks = false;     // if there is such a way
};

// A pair of channels with a chain between them.
struct FilterPair {
  static constexpr ChannelId kNoTarget = UINT32_MAX;  // the source's own output is noted, no more

  uint32_t begin;  // its steps, in the steps of all chains,
  uint32_t end;    // up to here
  ChannelId target;
  InstanceId slot;  // of the target's instance in the router
  uint32_t state;   // where its state begins
  uint32_t cell;    // where its events are noted, from 1; 0 for nowhere

  // What events need in the usual cases, where nothing is noted.
  enum Kind : uint32_t { kOther, kSimple, kPower };  // simple steps only, or nothing but one kPower
  Kind kind;
  const FilterStep *first;
  const FilterStep *last;  // the one behind it
};

// What a reload has to know of a pair besides, in the same order.
struct FilterPairOrigin {
  ChannelId source;
  uint32_t chain;
};

struct FilterTable {
  std::vector<FilterPair> pairs;
  std::vector<FilterPairOrigin> origins;
  std::vector<std::string> keys;  // of the chains: equal keys mean equal steps
  std::vector<FilterStep> steps;
  std::vector<double> args;        // to which steps point
  std::vector<ChannelId> watched;  // the channels of the cells
  size_t state_size = 0;           // of all pairs together
  size_t timed_steps = 0;          // likewise

  // The numbers of its state that a step needs.
  static uint32_t StateOf(FilterOp op);

  // Fills in what follows from the rest: each step's arguments, each pair's state.
  struct RawStep {
    uint32_t op, first_arg, arg_count, back;
  };
  struct RawPair {
    ChannelId source, target;
    uint32_t chain, cell;
  };
  // Returns false if the tables are not sound. `owner` is the instance of each channel.
  bool Fill(const std::vector<RawPair> &raw_pairs, const std::vector<uint32_t> &chain_offsets,
            const std::vector<RawStep> &raw_steps, const std::vector<uint32_t> &owner);
};

}  // namespace mmpy

#endif
