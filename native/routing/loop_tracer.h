// Finds the channels of a feedback loop by watching, for a while, which events cause which.
//
// It watches when the queue has not been empty for many rounds or a long time, and again while that continues: each
// time after twice as long, and for twice as many events, but only a small fraction of all, so that it costs little and
// finds loops of any length and breadth, and other loops after the first. A round may be longer than any watch, so it
// also samples some events of every slice in between.
//
// In a loop through processes of instances the queue is empty in between. So events carry through how many processes
// those went that led to them: beyond a thousand it watches, until it has seen so many events, and again later, as
// above.
#ifndef MMPY_LOOP_TRACER_H
#define MMPY_LOOP_TRACER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace mmpy {

class LoopTracer {
 public:
  bool active() const { return remaining_ > 0; }

  // A round begins, or a slice of time is over, and the queue has not been empty since the last one.
  void CountRound() {
    if (++rounds_ >= rounds_to_watch_ && !active()) Watch();
  }
  void CountSlice() {
    if (++slices_ <= kSuspiciousSlices && slices_ < slices_to_watch_) return;
    if (active()) return;
    if (slices_ >= slices_to_watch_) {
      Watch();
    } else {
      remaining_ = kSample;
      sampling_ = true;
    }
  }

  // Events come from a process, as effects of some that went through so many of them.
  void CountHops(uint32_t hops) {
    hops_ = std::max(hops_, std::min(hops, kMaxHops));
    if (hops_ >= hops_to_watch_ && !active()) WatchProcesses();
  }
  uint32_t hops() const { return hops_; }  // of what is queued, at most

  // Channel numbers change now.
  void Forget();

  // The queue is empty: the next event begins a new burst.
  void Rest();

  // The handling of an event on `cause` queued one on `effect`.
  void Note(uint32_t cause, uint32_t effect);

  // One more event has been handled; the last one of a watch starts a search for loops among the noted edges.
  void EndEvent();

  // The loop's channels in order, once.
  bool loop_found() const { return !loop_.empty(); }
  std::vector<uint32_t> TakeLoop();

 private:
  static constexpr uint64_t kSuspiciousRounds = 1000;
  static constexpr uint64_t kSuspiciousSlices = 100;
  static constexpr uint32_t kSuspiciousHops = 1000;
  static constexpr uint32_t kHopsForAnEvent = 128;
  static constexpr uint32_t kMaxHops = uint32_t{1} << 30;
  static constexpr size_t kEventsToWatch = 1024;
  static constexpr uint64_t kRoundsForAnEvent = 128;  // so that less than a hundredth of all events is watched
  static constexpr size_t kMaxToWatch = size_t{1} << 20;
  static constexpr size_t kSample = 16;

  void Watch();
  void WatchProcesses();
  void StartWatch(size_t &events);
  void FindLoop();

  std::unordered_map<uint32_t, std::vector<uint32_t>> effects_;
  std::unordered_set<uint64_t> noted_;     // pairs of cause and effect
  std::unordered_set<uint32_t> reported_;  // channels of loops that have been reported
  std::vector<uint32_t> loop_;
  size_t remaining_ = 0;
  bool sampling_ = false;  // these events' effects are searched at the end of the next watch
  uint64_t rounds_ = 0;
  uint64_t rounds_to_watch_ = kSuspiciousRounds;
  uint64_t slices_ = 0;
  uint64_t slices_to_watch_ = kSuspiciousSlices;
  size_t events_to_watch_ = kEventsToWatch;
  uint32_t hops_ = 0;
  uint32_t hops_to_watch_ = kSuspiciousHops;
  size_t hop_events_to_watch_ = kEventsToWatch;
  bool watches_processes_ = false;  // also while the queue is empty in between
};

}  // namespace mmpy

#endif
