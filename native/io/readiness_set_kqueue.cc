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

namespace {

int Control(int set, int fd, int16_t filter, uint16_t flags, uint64_t tag) {
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(fd), filter, flags, 0, 0, reinterpret_cast<void *>(tag));
  return kevent(set, &change, 1, nullptr, 0, nullptr) == 0 ? 0 : errno;
}

}  // namespace

int ReadinessSet::Open() {
  set_ = kqueue();
  if (set_ < 0) return errno;
  fcntl(set_, F_SETFD, FD_CLOEXEC);
  return 0;
}

int ReadinessSet::Add(int fd, uint64_t tag, unsigned interest) {
  // kqueue takes regular files, which are always ready; Linux refuses them.
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return EPERM;
  int error = 0;
  if ((interest & kReadable) != 0) error = Control(set_, fd, EVFILT_READ, EV_ADD, tag);
  if (error == 0 && (interest & kWritable) != 0) error = Control(set_, fd, EVFILT_WRITE, EV_ADD, tag);
  return error;
}

// Each thing that is waited for is an entry of its own.
int ReadinessSet::Change(int fd, uint64_t tag, unsigned interest) {
  const bool known = Remove(fd);
  return known ? Add(fd, tag, interest) : ENOENT;
}

bool ReadinessSet::Remove(int fd) {
  const bool was_read = Control(set_, fd, EVFILT_READ, EV_DELETE, 0) == 0;
  const bool was_written = Control(set_, fd, EVFILT_WRITE, EV_DELETE, 0) == 0;
  return was_read || was_written;
}

size_t ReadinessSet::Find(Ready *found, size_t max) {
  constexpr size_t kMaxAtOnce = 64;
  struct kevent events[kMaxAtOnce];
  const struct timespec at_once = {};
  const int count = kevent(set_, nullptr, 0, events, static_cast<int>(std::min(max, kMaxAtOnce)), &at_once);
  for (int i = 0; i < count; ++i) {
    found[i] = {reinterpret_cast<uintptr_t>(events[i].udata),
                events[i].filter == EVFILT_WRITE ? unsigned{kWritable} : unsigned{kReadable}};
  }
  return count < 0 ? 0 : static_cast<size_t>(count);
}

bool ReadinessSet::MayBeIntact() const {
  const struct timespec at_once = {};
  struct kevent event;
  return kevent(set_, nullptr, 0, &event, 1, &at_once) >= 0 || errno == EINTR;
}

void ReadinessSet::Close() {
  if (set_ >= 0) close(set_);
  Forget();
}

void ReadinessSet::Forget() { set_ = -1; }

}  // namespace mmpy
