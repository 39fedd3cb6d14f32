// Finds the channels of a feedback loop by watching, for a while, which event led to which.
#ifndef MMPY_LOOP_TRACER_H
#define MMPY_LOOP_TRACER_H

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace mmpy {

class LoopTracer {
 public:
  // Watching is worth its cost once this many rounds have followed each other without the queue getting empty.
  static constexpr uint64_t kSuspiciousRounds = 1000;

  bool active() const { return remaining_ > 0; }

  // Starts watching, unless this burst of rounds has been looked at already.
  void Start() {
    if (!watched_this_burst_) Watch();
  }

  // Channels have other numbers from now on.
  void Forget();

  // The queue was empty: whatever comes next is a new burst.
  void Rest();

  // The handling of an event on `cause` queued one on `effect`.
  void Note(uint32_t cause, uint32_t effect);

  // One more event has been handled; the last one of the watch looks for a loop in what was noted.
  void EndEvent();

  // The loop's channels in order, once.
  bool loop_found() const { return !loop_.empty(); }
  std::vector<uint32_t> TakeLoop();

 private:
  static constexpr size_t kEventsToWatch = 1024;

  void Watch();
  void FindLoop();

  std::unordered_map<uint32_t, std::vector<uint32_t>> effects_;
  std::unordered_set<uint32_t> reported_;  // channels of loops that have been told of
  std::vector<uint32_t> loop_;
  size_t remaining_ = 0;
  bool watched_this_burst_ = false;
};

}  // namespace mmpy

#endif
