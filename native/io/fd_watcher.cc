#include "io/fd_watcher.h"

#include <errno.h>
#include <poll.h>

#include <iterator>

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
  return 0;
}

int FdWatcher::Change(int fd, WatchId watch, unsigned interest) {
  return set_.is_open() ? set_.Change(fd, watch, interest) : ENOENT;
}

void FdWatcher::Remove(int fd) {
  if (set_.is_open() && set_.Remove(fd)) {
    --members_;
  } else {
    all_known_ = false;
  }
}

int FdWatcher::Rebuild(const std::vector<Member> &members) {
  CloseSet();
  const int error = Open();
  for (const Member &member : members) Add(member.fd, member.watch, member.interest);  // fails for closed ones
  return error;
}

FdWatcher::Checked FdWatcher::Check(const std::vector<Member> &members) {
  size_t there = 0;
  for (const Member &member : members) there += Change(member.fd, member.watch, member.interest) == 0 ? 1 : 0;
  if (there == members.size()) return {};
  // Otherwise the numbers of some members belong to other files by now. Those are not just added, since the files
  // before may be open elsewhere too, and would then still be reported.
  const bool was_lost = there == 0 && !set_.MayBeIntact();
  if (was_lost) set_.Forget();
  return {was_lost, Rebuild(members)};
}

bool FdWatcher::IsReady(int fd, unsigned interest) {
  pollfd asked = {fd, static_cast<short>(interest == kWritable ? POLLOUT : POLLIN), 0};
  return poll(&asked, 1, 0) != 0;  // an error is for the function to find out
}

int FdWatcher::Start(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  loop_ = loop;
  count_ = count;
  if (!again_.empty()) StartAgain();
  return set_.is_open() ? StartPolling() : 0;
}

int FdWatcher::TellAgain(WatchId watch) noexcept {
  int status = UV_ENOMEM;
  const auto tell = [&] {
    again_.insert(watch);
    status = loop_ == nullptr ? 0 : StartAgain();
  };
  Guard(tell, [](const char *) {});
  return status;
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
  ready.reserve(again_.size());
  for (const WatchId watch : again_) ready.push_back({watch, kAgain});
  again_.clear();
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
  // Asked even if there is only one: what libuv has seen may have been read meanwhile, by a function of another
  // instance. More than these stay ready and come with the next iteration, after other instances have had their turn.
  ReadinessSet::Ready found[64];
  const size_t count = set_.Find(found, std::size(found));
  for (size_t i = 0; i < count; ++i) ready.push_back({found[i].tag, found[i].what});
  if (!ready.empty()) listener_.OnReady(ready);
}

void FdWatcher::Close() {
  CloseSet();
  idle_.Close();
  again_.clear();
}

void FdWatcher::CloseSet() {
  poll_.Close();
  set_.Close();
  members_ = 0;
  all_known_ = true;
}

}  // namespace mmpy
