// When instances are called that asked for an exact time: once, or periodically. Each call is due at a time to the
// nanosecond; see Alarm for how exactly it comes. (Intervals of 10 ms and multiples are in TypeScript:
// lib/engine/scheduler.ts.)
//
// Periodic calls keep their phase: the n-th is due at start + n * period, and those that were missed are skipped. Those
// that are due at the same time are made in the order in which they were first set.
#ifndef MMPY_TIMETABLE_H
#define MMPY_TIMETABLE_H

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "routing/destination.h"

namespace mmpy {

class Timetable {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  struct Call {
    InstanceId instance;
    uint32_t timer;  // its number within the instance
  };

  enum class Mode { kOnce, kPeriodic };

  // Sets a timer. `ms` from now on it is due, and then periodically or not. One that is set already: the new period
  // counts from its last call, or its start; one that is due once, from now. Throws std::bad_alloc, with everything as
  // before.
  void Set(Call call, double ms, Mode mode, uint64_t now_ns);

  // Throws nothing.
  void Cancel(Call call);

  // All that have been set count from now on. Throws nothing.
  void Start(uint64_t now_ns);

  // The next call that is due, which is then over or due again later than now. Throws nothing.
  std::optional<Call> Take(uint64_t now_ns);

  // When the next one is due, or kNever.
  uint64_t next_ns() const { return queue_.empty() ? kNever : queue_.begin()->first; }

 private:
  using Key = std::pair<InstanceId, uint32_t>;
  struct Timer {
    Mode mode;
    uint64_t order;  // of the first Set()
    double period_ns;
    uint64_t start_ns;
    uint64_t next_ns;
  };
  using Timers = std::map<Key, Timer>;
  // By time, then by order; with the timer itself, whose place does not change.
  using Place = std::pair<uint64_t, std::pair<uint64_t, Timers::value_type *>>;

  static Place PlaceOf(Timers::value_type &timer) { return {timer.second.next_ns, {timer.second.order, &timer}}; }
  static uint64_t DueAfter(const Timer &timer, uint64_t now_ns);
  void Move(Timers::value_type &timer, uint64_t next_ns);

  Timers timers_;
  std::set<Place> queue_;
  uint64_t next_order_ = 0;
};

}  // namespace mmpy

#endif
