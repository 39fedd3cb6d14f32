#include "child/event_loop.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "child/wake.h"
#include "io/steady_ms.h"

namespace mmpy {

namespace {

constexpr int kAtOnce = 8;

struct Timer {
  uv_timer_t *handle;
  uv_timer_cb call;
  uint64_t due_ms;
  uint64_t repeat_ms;
};
struct Idle {
  uv_idle_t *handle;
  uv_idle_cb call;
};
struct Prepare {
  uv_prepare_t *handle;
  uv_prepare_cb call;
};
struct Poll {
  uv_poll_t *handle;
  int fd;
  uv_poll_cb call;  // NULL until it is started
};
struct Async {
  uv_async_t *handle;
  uv_async_cb call;
};
struct Closing {
  uv_handle_t *handle;
  uv_close_cb call;
};

int Watch(int epoll_fd, int fd, uv_poll_t *handle) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = handle;
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

// Handles may be opened, closed and started in any callback: each turn works on copies, and looks whether what it is
// about to call is still there.
struct Loop {
  Loop() { Watch(epoll_fd, wake_fd, nullptr); }

  uv_loop_t loop = {};
  uint64_t now_ms = SteadyMs();
  // Not poll(): with the four descriptors that a process has, an event there and back takes a tenth longer.
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::vector<Timer> timers;
  std::vector<Idle> idles;
  std::vector<Prepare> prepares;
  std::vector<Poll> polls;
  std::vector<Async> asyncs;
  std::vector<Closing> closing;
  std::mutex mutex;
  std::vector<uv_async_t *> sent;  // guarded by the mutex: from any thread
};

Loop &TheLoop() {
  static Loop *const loop = std::make_unique<Loop>().release();  // threads may use it until the process ends
  return *loop;
}

template <typename Entry, typename Handle>
Entry *Find(std::vector<Entry> &entries, const Handle *handle) {
  const auto place = std::find_if(entries.begin(), entries.end(), [&](const Entry &entry) {
    return static_cast<const void *>(entry.handle) == handle;
  });
  return place == entries.end() ? nullptr : &*place;
}

template <typename Entry, typename Handle>
void Erase(std::vector<Entry> &entries, const Handle *handle) {
  if (Entry *const entry = Find(entries, handle)) entries.erase(entries.begin() + (entry - entries.data()));
}

int TimeoutMs(const Loop &loop) {
  if (!loop.idles.empty() || !loop.closing.empty()) return 0;
  uint64_t due = UINT64_MAX;
  for (const Timer &timer : loop.timers) due = std::min(due, timer.due_ms);
  if (due == UINT64_MAX) return -1;
  const uint64_t now = SteadyMs();
  return due <= now ? 0 : static_cast<int>(std::min<uint64_t>(due - now, 1 << 30));
}

void RunTimers(Loop &loop) {
  std::vector<uv_timer_t *> due;
  for (const Timer &timer : loop.timers) {
    if (timer.due_ms <= loop.now_ms) due.push_back(timer.handle);
  }
  for (uv_timer_t *const handle : due) {
    Timer *const timer = Find(loop.timers, handle);
    if (timer == nullptr) continue;
    const uv_timer_cb call = timer->call;
    if (timer->repeat_ms == 0) {
      Erase(loop.timers, handle);
    } else {
      timer->due_ms = loop.now_ms + timer->repeat_ms;
    }
    call(handle);
  }
}

void RunAsyncs(Loop &loop) {
  TakeWakeUps(loop.wake_fd);
  std::vector<uv_async_t *> sent;
  {
    const std::lock_guard<std::mutex> lock(loop.mutex);
    sent.swap(loop.sent);
  }
  for (uv_async_t *const handle : sent) {
    if (const Async *const async = Find(loop.asyncs, handle)) async->call(handle);
  }
}

}  // namespace

uv_loop_t *ChildLoop() { return &TheLoop().loop; }

void RunChildLoopOnce(std::atomic<uint64_t> &busy_ms) {
  Loop &loop = TheLoop();
  for (const Prepare &prepare : std::vector<Prepare>(loop.prepares)) {
    if (Find(loop.prepares, prepare.handle) != nullptr) prepare.call(prepare.handle);
  }
  std::array<epoll_event, kAtOnce> events;
  busy_ms.store(0);
  const int ready = epoll_wait(loop.epoll_fd, events.data(), kAtOnce, TimeoutMs(loop));
  if (ready < 0 && errno != EINTR) EndWithoutDescriptor();
  loop.now_ms = SteadyMs();
  busy_ms.store(loop.now_ms);
  RunTimers(loop);
  for (const Idle &idle : std::vector<Idle>(loop.idles)) {
    if (Find(loop.idles, idle.handle) != nullptr) idle.call(idle.handle);
  }
  for (int i = 0; i < ready; ++i) {
    auto *const handle = static_cast<uv_poll_t *>(events[i].data.ptr);
    if (handle == nullptr) {
      RunAsyncs(loop);
    } else if (const Poll *const poll = Find(loop.polls, handle)) {
      poll->call(handle, 0, UV_READABLE);
    }
  }
  std::vector<Closing> closing;
  closing.swap(loop.closing);
  for (const Closing &one : closing) one.call(one.handle);
}

// The functions of libuv, as far as the process calls them.
namespace own {

uint64_t uv_hrtime() { return SteadyNs(); }
uint64_t uv_now(const uv_loop_t *) { return TheLoop().now_ms; }
const char *uv_strerror(int error) { return strerror(error < 0 ? -error : error); }
uv_thread_t uv_thread_self() { return pthread_self(); }
int uv_thread_equal(const uv_thread_t *left, const uv_thread_t *right) { return pthread_equal(*left, *right); }

void uv_unref(uv_handle_t *) {}  // the process ends when it is told to

void uv_close(uv_handle_t *handle, uv_close_cb call) {
  Loop &loop = TheLoop();
  Erase(loop.timers, handle);
  Erase(loop.idles, handle);
  Erase(loop.prepares, handle);
  if (const Poll *const poll = Find(loop.polls, handle)) epoll_ctl(loop.epoll_fd, EPOLL_CTL_DEL, poll->fd, nullptr);
  Erase(loop.polls, handle);
  Erase(loop.asyncs, handle);
  loop.closing.push_back({handle, call});
}

int uv_is_active(const uv_handle_t *handle) {
  return Find(TheLoop().timers, handle) != nullptr || Find(TheLoop().idles, handle) != nullptr ? 1 : 0;
}

int uv_async_init(uv_loop_t *, uv_async_t *handle, uv_async_cb call) {
  TheLoop().asyncs.push_back({handle, call});
  return 0;
}

int uv_async_send(uv_async_t *handle) {
  Loop &loop = TheLoop();
  {
    const std::lock_guard<std::mutex> lock(loop.mutex);
    if (std::find(loop.sent.begin(), loop.sent.end(), handle) != loop.sent.end()) return 0;
    loop.sent.push_back(handle);
  }
  WakeUp(loop.wake_fd);
  return 0;
}

int uv_idle_init(uv_loop_t *, uv_idle_t *) { return 0; }
int uv_idle_start(uv_idle_t *handle, uv_idle_cb call) {
  if (Find(TheLoop().idles, handle) == nullptr) TheLoop().idles.push_back({handle, call});
  return 0;
}
int uv_idle_stop(uv_idle_t *handle) {
  Erase(TheLoop().idles, handle);
  return 0;
}

int uv_prepare_init(uv_loop_t *, uv_prepare_t *) { return 0; }
int uv_prepare_start(uv_prepare_t *handle, uv_prepare_cb call) {
  if (Find(TheLoop().prepares, handle) == nullptr) TheLoop().prepares.push_back({handle, call});
  return 0;
}
int uv_prepare_stop(uv_prepare_t *handle) {
  Erase(TheLoop().prepares, handle);
  return 0;
}

// Of measurements, which only the router makes.
uint64_t uv_metrics_idle_time(uv_loop_t *) { return 0; }

int uv_timer_init(uv_loop_t *, uv_timer_t *) { return 0; }
int uv_timer_stop(uv_timer_t *handle) {
  Erase(TheLoop().timers, handle);
  return 0;
}
int uv_timer_start(uv_timer_t *handle, uv_timer_cb call, uint64_t timeout, uint64_t repeat) {
  own::uv_timer_stop(handle);
  TheLoop().timers.push_back({handle, call, TheLoop().now_ms + timeout, repeat});
  return 0;
}

int uv_poll_init(uv_loop_t *, uv_poll_t *handle, int fd) {
  TheLoop().polls.push_back({handle, fd, nullptr});
  return 0;
}
int uv_poll_start(uv_poll_t *handle, int, uv_poll_cb call) {
  Poll *const poll = Find(TheLoop().polls, handle);
  if (poll == nullptr) return UV_EINVAL;
  poll->call = call;
  return Watch(TheLoop().epoll_fd, poll->fd, handle);
}

}  // namespace own

LoopFunctions ChildLoopFunctions() {
  LoopFunctions functions;
  functions.uv_async_init = own::uv_async_init;
  functions.uv_async_send = own::uv_async_send;
  functions.uv_close = own::uv_close;
  functions.uv_hrtime = own::uv_hrtime;
  functions.uv_idle_init = own::uv_idle_init;
  functions.uv_idle_start = own::uv_idle_start;
  functions.uv_idle_stop = own::uv_idle_stop;
  functions.uv_is_active = own::uv_is_active;
  functions.uv_metrics_idle_time = own::uv_metrics_idle_time;
  functions.uv_now = own::uv_now;
  functions.uv_poll_init = own::uv_poll_init;
  functions.uv_poll_start = own::uv_poll_start;
  functions.uv_prepare_init = own::uv_prepare_init;
  functions.uv_prepare_start = own::uv_prepare_start;
  functions.uv_prepare_stop = own::uv_prepare_stop;
  functions.uv_strerror = own::uv_strerror;
  functions.uv_thread_equal = own::uv_thread_equal;
  functions.uv_thread_self = own::uv_thread_self;
  functions.uv_timer_init = own::uv_timer_init;
  functions.uv_timer_start = own::uv_timer_start;
  functions.uv_timer_stop = own::uv_timer_stop;
  functions.uv_unref = own::uv_unref;
  return functions;
}

}  // namespace mmpy
