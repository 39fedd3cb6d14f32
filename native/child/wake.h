// Waking a loop through an eventfd, from this process or another. User code may close any descriptor: without these the
// process would get no events, or its loop would never wait. So it ends, and the router starts another.
#ifndef MMPY_CHILD_WAKE_H
#define MMPY_CHILD_WAKE_H

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <cstdint>

namespace mmpy {

[[noreturn]] inline void EndWithoutDescriptor() {
  dprintf(STDERR_FILENO, "midimonster: user code has closed a descriptor that its process needs; the process ends\n");
  _exit(1);
}

inline void WakeUp(int event_fd) {
  const uint64_t one = 1;
  while (write(event_fd, &one, sizeof one) < 0) {
    if (errno == EAGAIN) return;  // it is awake
    if (errno != EINTR) EndWithoutDescriptor();
  }
}

// To be called once it is ready, or may be.
inline void TakeWakeUps(int event_fd) {
  uint64_t count = 0;
  while (read(event_fd, &count, sizeof count) < 0) {
    if (errno == EAGAIN) return;
    if (errno != EINTR) EndWithoutDescriptor();
  }
}

}  // namespace mmpy

#endif
