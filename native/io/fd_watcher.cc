#include "io/fd_watcher.h"

#include <errno.h>

#include <iterator>
#include <utility>

#include "io/guard.h"

namespace mmpy {

int FdWatcher::Open() {
  const int error = set_.is_open() ? 0 : set_.Open();
  if (error != 0) return error;
  if (loop_ == nullptr || poll_ || StartPolling() == 0) return 0;
  if (members_ == 0) set_.Close();
  return EIO;
}

int FdWatcher::Add(int fd, WatchId watch, unsigned interest) {
  int error = Open();
  if (error == 0) error = set_.Add(fd, watch, interest);
  if (error != 0) return error;
  ++members_;
  sum_ += watch;
  if ((interest & kWritable) != 0) writers_.insert(watch);
  return 0;
}

int FdWatcher::Change(int fd, WatchId watch, unsigned interest) {
  const int error = set_.is_open() ? set_.Change(fd, watch, interest) : ENOENT;
  if (error != 0) return error;
  writers_.erase(watch);
  if ((interest & kWritable) != 0) writers_.insert(watch);
  return 0;
}

void FdWatcher::Remove(int fd, WatchId watch) {
  writers_.erase(watch);
  again_.erase(watch);
  if (set_.is_open() && set_.Remove(fd)) {
    --members_;
    sum_ -= watch;
  } else {
    all_known_ = false;
  }
}

int FdWatcher::Rebuild(const std::vector<Member> &members) {
  const std::set<WatchId> again = again_;
  Close();
  const int error = Open();
  for (const Member &member : members) Add(member.fd, member.watch, member.interest);  // fails for closed ones
  for (const WatchId watch : again) TellAgain(watch);
  return error;
}

int FdWatcher::Start(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  loop_ = loop;
  count_ = count;
  if (!again_.empty()) StartAgain();
  return set_.is_open() ? StartPolling() : 0;
}

int FdWatcher::TellAgain(WatchId watch) {
  again_.insert(watch);
  return loop_ == nullptr ? 0 : StartAgain();
}

int FdWatcher::StartAgain() {
  if (!idle_) {
    const int status = idle_.Open(count_, this, [&](uv_idle_t *handle) { return uv_idle_init(loop_, handle); });
    if (status < 0) return status;
  }
  return uv_idle_start(idle_.get(), [](uv_idle_t *handle) {
    auto *const watcher = static_cast<FdWatcher *>(handle->data);
    if (watcher == nullptr) return;
    FdListener &listener = watcher->listener_;
    Guard([&] { watcher->OnAgain(); }, [&](const char *what) { listener.OnFailure(what); });
  });
}

void FdWatcher::OnAgain() {
  uv_idle_stop(idle_.get());
  std::vector<ReadyWatch> ready;
  for (const WatchId watch : std::exchange(again_, {})) ready.push_back({watch, kAgain});
  if (!ready.empty()) listener_.OnReady(ready);
}

int FdWatcher::StartPolling() {
  const int status =
      poll_.Open(count_, this, [&](uv_poll_t *handle) { return uv_poll_init(loop_, handle, set_.fd()); });
  if (status < 0) return status;
  const int started = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t *handle, int, int) {
    auto *const watcher = static_cast<FdWatcher *>(handle->data);
    if (watcher == nullptr) return;
    FdListener &listener = watcher->listener_;
    Guard([&] { watcher->OnPoll(); }, [&](const char *what) { listener.OnFailure(what); });
  });
  if (started < 0) poll_.Close();  // to be tried again with the next descriptor
  return started;
}

void FdWatcher::OnPoll() {
  std::vector<ReadyWatch> ready;
  if (members_ == 1 && all_known_ && writers_.empty()) {
    ready.push_back({sum_, kReadable});  // as the system would say, without asking
  } else {
    // More than these stay ready and come with the next iteration, after other instances have had their turn.
    ReadinessSet::Ready found[64];
    const size_t count = set_.Find(found, std::size(found));
    for (size_t i = 0; i < count; ++i) ready.push_back({found[i].tag, found[i].what});
  }
  if (!ready.empty()) listener_.OnReady(ready);
}

void FdWatcher::Close() {
  poll_.Close();
  idle_.Close();
  again_.clear();
  set_.Close();
  members_ = sum_ = 0;
  writers_.clear();
  all_known_ = true;
}

}  // namespace mmpy
