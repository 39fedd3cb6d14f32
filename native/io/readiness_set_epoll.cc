#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "io/readiness_set.h"

namespace mmpy {

int ReadinessSet::Open() {
  set_ = epoll_create1(EPOLL_CLOEXEC);
  return set_ < 0 ? errno : 0;
}

int ReadinessSet::Add(int fd, uint64_t tag) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

bool ReadinessSet::Remove(int fd) { return epoll_ctl(set_, EPOLL_CTL_DEL, fd, nullptr) == 0; }

size_t ReadinessSet::Ready(uint64_t *tags, size_t most) {
  constexpr size_t kMostAtOnce = 64;
  epoll_event events[kMostAtOnce];
  const int count = epoll_wait(set_, events, static_cast<int>(std::min(most, kMostAtOnce)), 0);
  for (int i = 0; i < count; ++i) tags[i] = events[i].data.u64;
  return count < 0 ? 0 : static_cast<size_t>(count);
}

void ReadinessSet::Close() {
  if (set_ >= 0) close(set_);
  set_ = -1;
}

}  // namespace mmpy
