// One timer for points in time of the monotonic clock, to some microseconds: a timer of libuv is a millisecond late. On
// Linux it is a timerfd; elsewhere a timer of libuv, rounded up to the millisecond.
#ifndef MMPY_DEADLINE_TIMER_H
#define MMPY_DEADLINE_TIMER_H

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "io/uv_handle.h"

namespace mmpy {

class DeadlineTimer {
 public:
  // `due` is called from the loop when the time has come.
  explicit DeadlineTimer(std::function<void()> due) : due_(std::move(due)) {}
  ~DeadlineTimer() { Close(); }
  DeadlineTimer(const DeadlineTimer &) = delete;
  DeadlineTimer &operator=(const DeadlineTimer &) = delete;

  // Before the first Arm(). Returns 0 or a libuv error.
  int Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count);
  bool is_open() const { return static_cast<bool>(handle_); }

  // It is due at this time of CLOCK_MONOTONIC, in ns. Only a time earlier than the one that it is set to costs a system
  // call: with a later one it comes at the earlier one all the same, and has to be armed again then.
  void Arm(uint64_t time_ns);

  void Close();

 private:
  void OnDue();

  const std::function<void()> due_;
  uint64_t armed_ns_ = UINT64_MAX;
#ifdef __linux__
  int fd_ = -1;
  UvHandle<uv_poll_t> handle_;
#else
  UvHandle<uv_timer_t> handle_;
#endif
};

}  // namespace mmpy

#endif
