// One-shot timers on libuv's loop, to the millisecond. Those that are due together are called in the order of their
// times, and of their starts where these are the same.
#ifndef MMPY_TIMERS_H
#define MMPY_TIMERS_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "io/uv_handle.h"

namespace mmpy {

class Timers {
 public:
  using TimerId = uint64_t;  // never used twice

  // `due` is called with each timer whose time has come, from the loop. It may start and cancel any.
  explicit Timers(std::function<void(TimerId)> due) : due_(std::move(due)) {}
  ~Timers() { Close(); }
  Timers(const Timers &) = delete;
  Timers &operator=(const Timers &) = delete;

  // Before the first timer. Returns 0 or a libuv error.
  int Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count);

  // Starts one that is due so many ms after the loop's current time, at the earliest in its next iteration.
  TimerId Start(uint64_t delay_ms);

  // Returns whether it was still to come.
  bool Cancel(TimerId timer);

  bool empty() const { return times_.empty(); }

  // None comes any more.
  void Close();

 private:
  void Arm(uint64_t earliest_ms);
  void OnTimer();

  const std::function<void(TimerId)> due_;
  uv_loop_t *loop_ = nullptr;
  UvHandle<uv_timer_t> handle_;
  TimerId next_ = 0;
  std::set<std::pair<uint64_t, TimerId>> queue_;  // by time, then by start
  std::map<TimerId, uint64_t> times_;             // of those in the queue
};

}  // namespace mmpy

#endif
