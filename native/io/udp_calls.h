// Calls of the system that send and receive. Those of the C library may end a thread that is cancelled, for which each
// does two atomic operations in a process with threads: as much as reading a message takes.
#ifndef MMPY_UDP_CALLS_H
#define MMPY_UDP_CALLS_H

#include <sys/socket.h>
#include <sys/types.h>

// Tests that replace functions of the C library define MMPY_UDP_BY_LIBRARY.
#if defined(__linux__) && defined(__LP64__) && !defined(MMPY_UDP_BY_LIBRARY)
#define MMPY_UDP_BY_NUMBER
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstddef>

#include "io/udp_address.h"

namespace mmpy {

inline ssize_t SendTo(int fd, const void *data, size_t length, const UdpAddress &to) {
#ifdef MMPY_UDP_BY_NUMBER
  return syscall(SYS_sendto, fd, data, length, MSG_DONTWAIT, to.any(), to.size());
#else
  return sendto(fd, data, length, MSG_DONTWAIT, to.any(), to.size());
#endif
}

inline ssize_t ReceiveFrom(int fd, void *data, size_t length, UdpAddress *from) {
  socklen_t size = UdpAddress::capacity();
#ifdef MMPY_UDP_BY_NUMBER
  return syscall(SYS_recvfrom, fd, data, length, MSG_DONTWAIT, from->any(), &size);
#else
  return recvfrom(fd, data, length, MSG_DONTWAIT, from->any(), &size);
#endif
}

}  // namespace mmpy

#endif
