#include "io/fd_watcher.h"

#include <errno.h>

namespace mmpy {

int FdWatcher::Open() {
  if (set_.is_open()) return 0;
  const int error = set_.Open();
  if (error != 0) return error;
  return loop_ != nullptr && StartPolling() < 0 ? EIO : 0;
}

int FdWatcher::Add(int fd, WatchId watch) {
  int error = Open();
  if (error == 0) error = set_.Add(fd, watch);
  if (error == 0) {
    ++members_;
    sum_ += watch;
  }
  return error;
}

void FdWatcher::Remove(int fd, WatchId watch) {
  if (set_.is_open() && set_.Remove(fd)) {
    --members_;
    sum_ -= watch;
  } else {
    all_known_ = false;
  }
}

int FdWatcher::Rebuild(const std::vector<std::pair<int, WatchId>> &members) {
  Close();
  const int error = Open();
  for (const auto &member : members) Add(member.first, member.second);  // fails for those that were closed
  return error;
}

int FdWatcher::Start(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  loop_ = loop;
  count_ = count;
  return set_.is_open() ? StartPolling() : 0;
}

int FdWatcher::StartPolling() {
  const int status =
      poll_.Open(count_, this, [&](uv_poll_t *handle) { return uv_poll_init(loop_, handle, set_.fd()); });
  if (status < 0) return status;
  return uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t *handle, int, int) {
    if (auto *watcher = static_cast<FdWatcher *>(handle->data)) watcher->OnPoll();
  });
}

void FdWatcher::OnPoll() {
  std::vector<WatchId> watches;
  if (members_ == 1 && all_known_) {
    watches.push_back(sum_);  // as the system would say, without asking
  } else {
    // More than these stay readable and come with the next iteration, after other instances have had their turn.
    watches.resize(64);
    watches.resize(set_.Ready(watches.data(), watches.size()));
  }
  if (!watches.empty()) listener_.OnReadable(watches);
}

void FdWatcher::Close() {
  poll_.Close();
  set_.Close();
  members_ = sum_ = 0;
  all_known_ = true;
}

}  // namespace mmpy
