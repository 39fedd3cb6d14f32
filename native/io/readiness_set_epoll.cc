#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "io/forked.h"
#include "io/readiness_set.h"

namespace mmpy {

namespace {

int Control(int set, int operation, int fd, uint64_t tag, unsigned interest) {
  if (InForkedChild()) return EBADF;  // closed there, and the number may belong to another file
  epoll_event event = {};
  if ((interest & kReadable) != 0) event.events |= EPOLLIN;
  if ((interest & kWritable) != 0) event.events |= EPOLLOUT;
  event.data.u64 = tag;
  return epoll_ctl(set, operation, fd, &event) == 0 ? 0 : errno;
}

}  // namespace

int ReadinessSet::Open() {
  set_ = epoll_create1(EPOLL_CLOEXEC);
  if (set_ < 0) return errno;
  CloseInForkedChildren(set_);
  return 0;
}

int ReadinessSet::Add(int fd, uint64_t tag, unsigned interest) {
  return Control(set_, EPOLL_CTL_ADD, fd, tag, interest);
}

int ReadinessSet::Change(int fd, uint64_t tag, unsigned interest) {
  return Control(set_, EPOLL_CTL_MOD, fd, tag, interest);
}

bool ReadinessSet::Remove(int fd) { return Control(set_, EPOLL_CTL_DEL, fd, 0, 0) == 0; }

size_t ReadinessSet::Find(Ready *found, size_t max) {
  constexpr size_t kMaxAtOnce = 64;
  epoll_event events[kMaxAtOnce];
  const int count = epoll_wait(set_, events, static_cast<int>(std::min(max, kMaxAtOnce)), 0);
  for (int i = 0; i < count; ++i) {
    unsigned what = 0;
    if ((events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) what |= kReadable;
    if ((events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) what |= kWritable;
    found[i] = {events[i].data.u64, what};
  }
  return count < 0 ? 0 : static_cast<size_t>(count);
}

bool ReadinessSet::MayBeIntact() const {
  epoll_event event;
  if (epoll_wait(set_, &event, 1, 0) < 0 && errno != EINTR) return false;
  // One that is not this one has members, which the system lists.
  std::ifstream information("/proc/self/fdinfo/" + std::to_string(set_));
  for (std::string line; std::getline(information, line);) {
    if (line.compare(0, 4, "tfd:") == 0) return false;
  }
  return true;
}

void ReadinessSet::Close() {
  const int set = set_;
  Forget();
  if (set >= 0 && !InForkedChild()) close(set);
}

void ReadinessSet::Forget() {
  if (set_ >= 0) KeepInForkedChildren(set_);
  set_ = -1;
}

}  // namespace mmpy
