#include "io/service_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

namespace mmpy {

namespace {

// A socket to send from. Programs started by other threads must not inherit it.
class DatagramSocket {
 public:
#ifdef SOCK_CLOEXEC
  DatagramSocket() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
#else
  DatagramSocket() : fd_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
    if (fd_ >= 0) fcntl(fd_, F_SETFD, FD_CLOEXEC);
  }
#endif
  ~DatagramSocket() {
    if (fd_ >= 0) close(fd_);
  }
  DatagramSocket(const DatagramSocket &) = delete;
  DatagramSocket &operator=(const DatagramSocket &) = delete;

  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

std::string NotifyService(const std::string &socket, const std::string &text) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket.size() < 2 || (socket[0] != '/' && socket[0] != '@')) return "neither a path nor an abstract name";
  if (socket.size() >= sizeof(address.sun_path)) return "the socket's name is too long";
  memcpy(address.sun_path, socket.data(), socket.size());
  // A path ends with a NUL; an abstract name begins with one, and its length is all that ends it.
  const bool abstract = socket[0] == '@';
  if (abstract) address.sun_path[0] = '\0';
  const size_t length = offsetof(sockaddr_un, sun_path) + socket.size() + (abstract ? 0 : 1);

  const DatagramSocket from;
  if (from.fd() < 0 || sendto(from.fd(), text.data(), text.size(), MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr *>(&address), static_cast<socklen_t>(length)) < 0)
    return strerror(errno);
  return {};
}

}  // namespace mmpy
