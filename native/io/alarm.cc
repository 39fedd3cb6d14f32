#include "io/alarm.h"

#ifdef __linux__
#include <sys/timerfd.h>
#include <unistd.h>
#endif

#include "io/forked.h"
#include "io/guard.h"
#include "io/steady_ms.h"

namespace mmpy {

namespace {

constexpr uint64_t kMsNs = 1'000'000;

#ifdef __linux__

constexpr uint64_t kSecondNs = 1'000'000'000;

// A time that is over makes it readable at once, and kNever stops it; either way it is no longer readable from before.
// False if the descriptor is not a timerfd: user code has closed it.
bool SetTimerfd(int fd, uint64_t time_ns) {
  itimerspec spec = {};
  if (time_ns != Alarm::kNever) {
    const uint64_t set_ns = time_ns > 0 ? time_ns : 1;  // 0 stops it
    spec.it_value.tv_sec = static_cast<time_t>(set_ns / kSecondNs);
    spec.it_value.tv_nsec = static_cast<decltype(spec.it_value.tv_nsec)>(set_ns % kSecondNs);
  }
  return timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, nullptr) == 0;
}

#endif

}  // namespace

void Alarm::Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles) {
  loop_ = loop;
  handles_ = handles;
  // These cannot fail.
  timer_.Open(handles, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
  before_waiting_.Open(handles, this, [&](uv_prepare_t *handle) { return uv_prepare_init(loop, handle); });
}

void Alarm::Set(uint64_t time_ns) {
  if (time_ns == time_ns_) return;
  time_ns_ = time_ns;
  if (!rings_now_) Apply();  // else afterwards, once
}

void Alarm::Apply() {
  if (!timer_) return;
  if (time_ns_ == kNever) {
    uv_timer_stop(timer_.get());
  } else {
    const auto on_timer = [](uv_timer_t *timer) {
      auto *const alarm = static_cast<Alarm *>(timer->data);
      if (alarm != nullptr) alarm->OnTime();
    };
    // Rounded up, and one more so that it does not come together with the timerfd. uv_now() may be from long ago. Not
    // 0: libuv would call it again before anything else.
    const uint64_t due_ms = time_ns_ / kMsNs + 2;
    const uint64_t now_ms = uv_now(loop_);
    uv_timer_start(timer_.get(), on_timer, due_ms > now_ms ? due_ms - now_ms : 1, 0);
  }
  SetExact();
}

void Alarm::OnTime() {
  if (time_ns_ > SteadyNs()) return Apply();
  time_ns_ = kNever;
  rings_now_ = true;
  rings_();
  rings_now_ = false;
  Apply();
}

void Alarm::Close() {
  CloseExact();
  before_waiting_.Close();
  timer_.Close();
}

#ifdef __linux__

void Alarm::SetExact() {
  if (fd_ >= 0 && !SetTimerfd(fd_, time_ns_)) CloseExact();
  if (fd_ < 0 && time_ns_ != kNever) WantExact();
}

// Not at once: libuv ends the process if a descriptor is closed between uv_poll_start() and its next poll. From this
// callback on no user code runs until then.
void Alarm::WantExact() {
  uv_prepare_start(before_waiting_.get(), [](uv_prepare_t *handle) {
    uv_prepare_stop(handle);
    auto *const alarm = static_cast<Alarm *>(handle->data);
    if (alarm != nullptr) Guard([&] { alarm->OpenExact(); }, [](const char *) {});
  });
}

// Without a descriptor or memory for it, the next time that is set is another opportunity.
void Alarm::OpenExact() {
  if (fd_ >= 0 || time_ns_ == kNever) return;
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0) return;
  int status = UV_ENOMEM;
  Guard(
      [&] { status = poll_.Open(handles_, this, [&](uv_poll_t *handle) { return uv_poll_init(loop_, handle, fd); }); },
      [](const char *) {});
  if (status < 0) {
    close(fd);
    return;
  }
  fd_ = fd;
  CloseInForkedChildren(fd);
  uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t *handle, int, int) {
    auto *const alarm = static_cast<Alarm *>(handle->data);
    if (alarm != nullptr) alarm->OnTime();
  });
  SetTimerfd(fd, time_ns_);
}

void Alarm::CloseExact() {
  if (fd_ < 0) return;
  poll_.Close();
  KeepInForkedChildren(fd_);
  // Unless its number is another file's by now.
  if (SetTimerfd(fd_, kNever)) close(fd_);
  fd_ = -1;
}

#else

void Alarm::SetExact() {}
void Alarm::CloseExact() {}

#endif

}  // namespace mmpy
