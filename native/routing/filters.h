// Runs the filters of mappings. An event that a pair with filters gets goes through its chain in the same call; what
// has to wait is output later, by RunDue().
//
// Values that glide move on a common grid of 25 ms, which begins with the first and ends with the last. Everything else
// that is due at a time is in a heap. Both are as large as the mapping needs from the beginning, so that events
// allocate nothing but what waits in delays.
//
// The state of a pair is a row of numbers; NaN stands for what is not known yet, and for false.
#ifndef MMPY_FILTERS_H
#define MMPY_FILTERS_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "routing/delay_pool.h"
#include "routing/filter_steps.h"
#include "routing/filter_table.h"

namespace mmpy {

// What filters need of the router. Times are milliseconds.
class FilterSink {
 public:
  virtual double FilterTime() const = 0;
  // A value that had to wait has passed.
  virtual void Filtered(const FilterPair &pair, double value) = 0;

 protected:
  ~FilterSink() = default;
};

class Filters {
 public:
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  static constexpr double kGridMs = 25;

  Filters(FilterSink &sink, QueueBudget &budget) : sink_(sink), delays_(budget) {}

  const FilterPair &pair(uint32_t index) const { return table_.pairs[index]; }
  // Whether what passes the pair is output later than it comes.
  bool waits(uint32_t index) const;

  // An event for a pair. Returns the value if it passes now, otherwise less than 0: Dropped() of the operation that has
  // dropped it, kHeld if it waits.
  static constexpr double kHeld = -1.0;
  static constexpr double Dropped(FilterOp op) { return DroppedBy(op); }
  double Event(uint32_t index, const FilterPair &pair, double value) {
    if (next_due_ == kNever) {
      if (pair.kind == FilterPair::kSimple) {
        return Compute(pair.first, pair.last, state_.data() + pair.state, value);
      }
      if (pair.kind == FilterPair::kPower) return std::pow(value, pair.first->a);
    }
    return EventSlowly(index, value);
  }

  // The same where many pairs follow each other, if Event() would only compute now.
  bool is_quick(const FilterPair &pair) const { return next_due_ == kNever && pair.kind == FilterPair::kSimple; }
  double QuickEvent(const FilterPair &pair, double value) {
    return ComputeSteps(pair.first, pair.last, state_.data() + pair.state, value);
  }

  // Counts an event that Event() has not let pass.
  void CountDrop(double result) {
    if (result != kHeld) ++drops_[static_cast<size_t>(-2.0 - result)];
  }
  // How many each operation has dropped, also of those that had to wait.
  const uint64_t *drops() const { return drops_; }

  // Simple steps; less than 0 if the value does not pass. It calls nothing, so its variables stay in registers.
  [[gnu::noinline]] static double Compute(const FilterStep *step, const FilterStep *end, double *state, double value);

  // An event for a channel that no row has led to it.
  void NoteSent(ChannelId channel, double value) {
    const auto &watched = table_.watched;
    const auto found = std::lower_bound(watched.begin(), watched.end(), channel);
    if (found == watched.end() || *found != channel) return;
    Note(static_cast<uint32_t>(found - watched.begin()) + 1, kNoPair, value);
  }

  // When something is due next; kNever if nothing is.
  double next_due() const { return next_due_; }

  // Outputs everything that is due.
  void RunDue(double now);

  // Another mapping, in two steps: what may lack memory, and what can't fail.
  struct Moved {
    ChannelId target;
    InstanceId slot;
    uint32_t cell;
    uint32_t old_pair;
    double value;
  };
  struct Cell {
    double value;
    uint32_t writer;  // the pair whose event it was
  };
  struct Entry {  // of the heap
    double due;
    uint32_t pair;
    uint32_t step;
  };
  struct Glider {
    uint32_t pair;
    uint32_t step;
  };
  struct Next {
    FilterTable table;
    std::vector<double> state;
    std::vector<Cell> cells;
    std::vector<Entry> heap;
    std::vector<Glider> gliders;
    std::vector<uint32_t> new_pair;  // of each old one; kNoPair for those that are gone or have other filters
    std::vector<Moved> moved;        // waiting values of those that have other filters now
  };
  static constexpr uint32_t kNoPair = UINT32_MAX;

  // How channels are numbered in another mapping, and where they are mapped to.
  class Renumbering {
   public:
    virtual ChannelId Number(ChannelId old) const = 0;  // kNoTarget if there is no such channel any more
    virtual InstanceId SlotOf(ChannelId channel) const = 0;
    // The targets without filters of a channel, appended.
    virtual void AppendTargets(ChannelId source, std::vector<ChannelId> &targets) const = 0;

   protected:
    ~Renumbering() = default;
  };
  Next Prepare(FilterTable table, const Renumbering &numbers) const;
  // Afterwards `moved` has the values that are to be queued.
  void Install(Next &next);

  // Drops everything that waits.
  void Clear();

  void Shrink() { delays_.Shrink(); }
  bool has_lost() const { return delays_.has_lost(); }
  uint64_t TakeLost() { return delays_.TakeLost(); }

 private:
  [[gnu::noinline]] double EventSlowly(uint32_t index, double value);
  double Now();
  bool Run(uint32_t index, uint32_t first, double &value);
  bool Remember(uint32_t index, const FilterPair &pair, uint32_t step, double &value);
  bool Wait(uint32_t index, const FilterPair &pair, uint32_t step, double value, double &result);
  void Continue(uint32_t index, uint32_t step, double value);
  bool Pickup(const FilterPair &pair, uint32_t index, const FilterStep &step, double *state, double &value);
  bool TakeBack(const FilterPair &pair, const FilterStep &step, double &value) const;
  void Note(uint32_t cell, uint32_t writer, double value) {
    Cell &noted = cells_[cell - 1];
    if (noted.value == value) return;  // an echo is nobody else's doing
    noted = {value, writer};
  }

  double *StateOf(uint32_t index, uint32_t step) {
    return state_.data() + table_.pairs[index].state + table_.steps[step].state;
  }
  void Schedule(uint32_t index, uint32_t step, double due);
  void Glide(uint32_t index, uint32_t step, double *listed, double now);
  void RunEntry(const Entry &entry, double now);
  Entry PopEntry();
  void Tick(double now);
  void MoveGlider(const Glider &glider, double now);
  void RemoveRested();
  void FindNextDue();
  void EnqueueDelay(uint32_t index, uint32_t step, double *state, double value, double due);
  void DropDelay(double *state);

  // filters_reload.cc
  bool HasWaiting(uint32_t old_pair) const;
  bool TakeWaiting(uint32_t old_pair, double &value);
  void MoveState(uint32_t old_pair, uint32_t new_pair, Next &next);
  void Restart(uint32_t index);

  FilterSink &sink_;
  FilterTable table_;
  std::vector<double> state_;
  std::vector<Cell> cells_;
  std::vector<Entry> heap_;
  std::vector<Glider> gliders_;  // may hold some that rest, until the next tick
  bool gliders_sorted_ = true;
  size_t gliding_ = 0;
  double tick_due_ = kNever;
  double next_due_ = kNever;
  double now_ = 0;  // never goes back
  DelayPool delays_;
  uint64_t drops_[kFilterOps] = {};
};

// The operations without state.
double Filtered(const FilterStep &step, double value);

}  // namespace mmpy

#endif
