#include "io/deadline_timer.h"

#include <algorithm>

#include "io/guard.h"

#ifdef __linux__
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>
#endif

namespace mmpy {

void DeadlineTimer::OnDue() {
  armed_ns_ = UINT64_MAX;
  Guard([&] { due_(); }, [](const char *) {});
}

#ifdef __linux__

int DeadlineTimer::Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd_ < 0) return uv_translate_sys_error(errno);
  int status = handle_.Open(count, this, [&](uv_poll_t *handle) { return uv_poll_init(loop, handle, fd_); });
  if (status == 0) {
    status = uv_poll_start(handle_.get(), UV_READABLE, [](uv_poll_t *handle, int, int) {
      auto *const timer = static_cast<DeadlineTimer *>(handle->data);
      if (timer == nullptr) return;
      uint64_t expirations = 0;
      // Nothing to read: it has been armed again since.
      if (read(timer->fd_, &expirations, sizeof(expirations)) == sizeof(expirations)) timer->OnDue();
    });
  }
  if (status != 0) Close();
  return status;
}

void DeadlineTimer::Arm(uint64_t time_ns) {
  if (!handle_ || time_ns >= armed_ns_) return;
  armed_ns_ = time_ns;
  constexpr uint64_t kSecond = 1'000'000'000;
  itimerspec setting = {};
  // Zero would disarm it.
  const uint64_t time = std::max<uint64_t>(time_ns, 1);
  setting.it_value.tv_sec = static_cast<time_t>(time / kSecond);
  setting.it_value.tv_nsec = static_cast<long>(time % kSecond);
  timerfd_settime(fd_, TFD_TIMER_ABSTIME, &setting, nullptr);
}

void DeadlineTimer::Close() {
  handle_.Close();
  itimerspec now = {};
  // User code may have closed the descriptor, and its number be another file's by now.
  if (fd_ >= 0 && timerfd_gettime(fd_, &now) == 0) close(fd_);
  fd_ = -1;
  armed_ns_ = UINT64_MAX;
}

#else

int DeadlineTimer::Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  return handle_.Open(count, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
}

void DeadlineTimer::Arm(uint64_t time_ns) {
  if (!handle_ || time_ns >= armed_ns_) return;
  armed_ns_ = time_ns;
  constexpr uint64_t kMillisecond = 1'000'000;
  const uint64_t now = uv_hrtime();
  uv_update_time(handle_.get()->loop);
  uv_timer_start(
      handle_.get(),
      [](uv_timer_t *handle) {
        auto *const timer = static_cast<DeadlineTimer *>(handle->data);
        if (timer != nullptr) timer->OnDue();
      },
      time_ns > now ? (time_ns - now + kMillisecond - 1) / kMillisecond : 0, 0);
}

void DeadlineTimer::Close() {
  handle_.Close();
  armed_ns_ = UINT64_MAX;
}

#endif

}  // namespace mmpy
