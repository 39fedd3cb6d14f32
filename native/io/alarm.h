// Wakes libuv's loop at a time, to a few hundredths of a millisecond. A timer of libuv's is up to a millisecond late:
// it counts in whole milliseconds of a time that is cut off to these.
//
// On Linux a timerfd does so, which libuv polls: a thread that waits would be a second thread to wake up, one after the
// other. User code can close any descriptor (os.closerange()), so a timer of libuv's comes two milliseconds later, if
// it is still needed; then there is another timerfd. Elsewhere there is that timer only.
//
// All functions are for the loop's thread, and throw nothing.
#ifndef MMPY_ALARM_H
#define MMPY_ALARM_H

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "io/uv_handle.h"

namespace mmpy {

class Alarm {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  // `rings` is called at the time set or later; it may set another, and close the alarm.
  explicit Alarm(std::function<void()> rings) : rings_(std::move(rings)) {}
  ~Alarm() { Close(); }
  Alarm(const Alarm &) = delete;
  Alarm &operator=(const Alarm &) = delete;

  // Before a time is set. It takes no descriptor until then.
  void Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles);

  // Sets the time, of SteadyNs(), in place of the one that was set; kNever for none.
  void Set(uint64_t time_ns);

  // It does not ring any more.
  void Close();

 private:
  void Apply();
  void OnTime();
  void SetExact();
  void WantExact();
  void OpenExact();
  void CloseExact();

  const std::function<void()> rings_;
  uv_loop_t *loop_ = nullptr;
  std::shared_ptr<HandleCount> handles_;
  UvHandle<uv_timer_t> timer_;
  UvHandle<uv_prepare_t> before_waiting_;
  UvHandle<uv_poll_t> poll_;
  int fd_ = -1;  // the timerfd
  uint64_t time_ns_ = kNever;
  bool rings_now_ = false;
};

}  // namespace mmpy

#endif
