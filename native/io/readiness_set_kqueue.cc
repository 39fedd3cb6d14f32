#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
// After sys/types.h, which it needs.
#include <sys/event.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "io/readiness_set.h"

namespace mmpy {

int ReadinessSet::Open() {
  set_ = kqueue();
  if (set_ < 0) return errno;
  fcntl(set_, F_SETFD, FD_CLOEXEC);
  return 0;
}

int ReadinessSet::Add(int fd, uint64_t tag) {
  // kqueue takes regular files, which are readable for ever; Linux refuses them.
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return EPERM;
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(fd), EVFILT_READ, EV_ADD, 0, 0, reinterpret_cast<void *>(tag));
  return kevent(set_, &change, 1, nullptr, 0, nullptr) == 0 ? 0 : errno;
}

bool ReadinessSet::Remove(int fd) {
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(fd), EVFILT_READ, EV_DELETE, 0, 0, nullptr);
  return kevent(set_, &change, 1, nullptr, 0, nullptr) == 0;
}

size_t ReadinessSet::Ready(uint64_t *tags, size_t most) {
  constexpr size_t kMostAtOnce = 64;
  struct kevent events[kMostAtOnce];
  const struct timespec at_once = {};
  const int count = kevent(set_, nullptr, 0, events, static_cast<int>(std::min(most, kMostAtOnce)), &at_once);
  for (int i = 0; i < count; ++i) tags[i] = reinterpret_cast<uintptr_t>(events[i].udata);
  return count < 0 ? 0 : static_cast<size_t>(count);
}

void ReadinessSet::Close() {
  if (set_ >= 0) close(set_);
  set_ = -1;
}

}  // namespace mmpy
