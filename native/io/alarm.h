// Wakes libuv's loop at a time, to a few hundredths of a millisecond. A timer of libuv's is up to a millisecond late:
// it counts in whole milliseconds of a time that is cut off to these.
//
// A thread waits, not a timerfd: user code can close any descriptor (os.closerange()), after which libuv aborts the
// process, or a file that gets the same number is read. The thread begins with the first time that is set.
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

  // `rings` is called on the loop's thread, at the time set or later; possibly once more after another time was set.
  explicit Alarm(std::function<void()> rings) : rings_(std::move(rings)) {}
  ~Alarm() { Close(); }
  Alarm(const Alarm &) = delete;
  Alarm &operator=(const Alarm &) = delete;

  // Before the first time is set, on the loop's thread. Returns 0 or a libuv error: then it never rings.
  int Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles);

  // Starts the thread, if it does not run yet, so that setting a time can't fail. Throws std::system_error or
  // std::bad_alloc.
  void Prepare();

  // Sets the time, of SteadyNs(), in place of the one that was set; kNever for none. From any thread, but one at a
  // time.
  void Set(uint64_t time_ns);

  // It does not ring any more.
  void Close();

 private:
  struct Shared;

  const std::function<void()> rings_;
  UvHandle<uv_async_t> handle_;
  std::shared_ptr<Shared> shared_;  // with the thread; empty until there is one
};

}  // namespace mmpy

#endif
