#include "fd_watcher.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace mmpy {

int FdWatcher::Open() {
  if (set_ >= 0) return 0;
  set_ = epoll_create1(EPOLL_CLOEXEC);
  if (set_ < 0) return errno;
  return loop_ != nullptr && StartPolling() < 0 ? EIO : 0;
}

int FdWatcher::Add(int fd, WatchId watch) {
  const int error = Open();
  if (error != 0) return error;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = watch;
  return epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

void FdWatcher::Remove(int fd) {
  if (set_ >= 0) epoll_ctl(set_, EPOLL_CTL_DEL, fd, nullptr);  // fails only where there is nothing to take out
}

int FdWatcher::Rebuild(const std::vector<std::pair<int, WatchId>> &members) {
  poll_.Close();
  if (set_ >= 0) close(set_);
  set_ = -1;
  const int error = Open();
  for (const auto &member : members) Add(member.first, member.second);  // fails for those that were closed
  return error;
}

int FdWatcher::Start(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  loop_ = loop;
  count_ = count;
  return set_ >= 0 ? StartPolling() : 0;
}

int FdWatcher::StartPolling() {
  const int status = poll_.Open(count_, this, [&](uv_poll_t *handle) { return uv_poll_init(loop_, handle, set_); });
  if (status < 0) return status;
  return uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t *handle, int, int) {
    if (auto *watcher = static_cast<FdWatcher *>(handle->data)) watcher->OnPoll();
  });
}

void FdWatcher::OnPoll() {
  // More than these stay readable and come with the next iteration, after other instances have had their turn.
  constexpr int kMostAtOnce = 64;
  epoll_event events[kMostAtOnce];
  const int count = epoll_wait(set_, events, kMostAtOnce, 0);
  std::vector<WatchId> watches;
  for (int i = 0; i < count; ++i) watches.push_back(events[i].data.u64);
  if (!watches.empty()) listener_.OnReadable(watches);
}

void FdWatcher::Close() {
  poll_.Close();
  if (set_ >= 0) close(set_);
  set_ = -1;
}

}  // namespace mmpy
