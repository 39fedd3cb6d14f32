#include "io/alarm.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "io/background_thread.h"
#include "io/steady_ms.h"

namespace mmpy {

// What the thread needs, which may end later than the alarm.
struct Alarm::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t time_ns = kNever;
  uv_async_t *handle = nullptr;  // NULL once it is closed: the thread ends

  void Run() {
#ifdef __linux__
    prctl(PR_SET_TIMERSLACK, 1UL);  // of this thread alone: by default the kernel may be 50 µs late, to wake up less
#endif
    std::unique_lock<std::mutex> lock(mutex);
    while (handle != nullptr) {
      const uint64_t now = SteadyNs();
      if (time_ns <= now) {
        time_ns = kNever;
        uv_async_send(handle);
        continue;
      }
      // An hour: a time that is never, or centuries off, overflows the clock. Not wait(), which wait_for() can do
      // without, see python/inspector.h.
      constexpr uint64_t kLongNs = 3'600'000'000'000;
      changed.wait_for(lock, std::chrono::nanoseconds(time_ns - now < kLongNs ? time_ns - now : kLongNs));
    }
  }
};

int Alarm::Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles) {
  return handle_.Open(handles, this, [&](uv_async_t *handle) {
    return uv_async_init(loop, handle, [](uv_async_t *async) {
      const auto *const alarm = static_cast<Alarm *>(async->data);
      if (alarm != nullptr) alarm->rings_();
    });
  });
}

void Alarm::Prepare() {
  if (shared_ || !handle_) return;
  auto shared = std::make_shared<Shared>();
  shared->handle = handle_.get();
  StartBackgroundThread([shared] { shared->Run(); });
  shared_ = std::move(shared);
}

void Alarm::Set(uint64_t time_ns) {
  if (!shared_) return;
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  if (shared_->time_ns == time_ns) return;
  shared_->time_ns = time_ns;
  shared_->changed.notify_one();
}

void Alarm::Close() {
  if (shared_) {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->handle = nullptr;
    shared_->changed.notify_one();
  }
  shared_.reset();
  handle_.Close();
}

}  // namespace mmpy
