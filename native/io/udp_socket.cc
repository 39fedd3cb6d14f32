#include "io/udp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/guard.h"
#include "io/udp_calls.h"

namespace mmpy {

namespace {

// What waits to be sent: some milliseconds of a network, which a receiver would rather have than nothing.
constexpr size_t kMaxWaitingBytes = size_t{1} << 20;

int Trouble() { return -errno; }

// The number of a network interface, or a negative errno.
int IndexOf(const std::string &interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  return index == 0 ? Trouble() : static_cast<int>(index);
}

bool HasNoRoom(int error) { return error == -EAGAIN || error == -EWOULDBLOCK; }

int SendOne(int fd, const UdpAddress &to, const void *data, size_t length) {
  ssize_t sent = 0;
  do {
    sent = SendTo(fd, data, length, to);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? Trouble() : 0;
}

}  // namespace

template <typename Value>
int UdpSocket::Set(int level, int option, const Value &value) {
  return setsockopt(fd_, level, option, &value, sizeof value) == 0 ? 0 : Trouble();
}

int UdpSocket::SetBroadcast(bool on) { return Set(SOL_SOCKET, SO_BROADCAST, on ? 1 : 0); }

int UdpSocket::Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles, const UdpAddress &address) {
  Close();
  int status = Prepare(address);
  if (status == 0) {
    status = poll_.Open(handles, this, [&](uv_poll_t *handle) { return uv_poll_init(loop, handle, fd_); });
  }
  if (status == 0) status = StartPolling();
  if (status != 0) Close();
  return status;
}

int UdpSocket::Prepare(const UdpAddress &address) {
  family_ = address.family();
#ifdef SOCK_CLOEXEC
  fd_ = socket(family_, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return Trouble();
#else
  fd_ = socket(family_, SOCK_DGRAM, 0);
  if (fd_ < 0) return Trouble();
  if (fcntl(fd_, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd_, F_SETFL, O_NONBLOCK) != 0) return Trouble();
#endif
#ifdef __linux__
  int status = Set(SOL_SOCKET, SO_REUSEADDR, 1);
#else
  int status = Set(SOL_SOCKET, SO_REUSEPORT, 1);
#endif
  if (status == 0 && family_ == AF_INET6) status = Set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (status != 0) return status;
  return bind(fd_, address.any(), address.size()) == 0 ? 0 : Trouble();
}

void UdpSocket::Close() {
  poll_.Close();
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  waiting_.clear();
  waiting_bytes_ = 0;
}

int UdpSocket::port() const {
  UdpAddress bound;
  socklen_t size = UdpAddress::capacity();
  return getsockname(fd_, bound.any(), &size) == 0 ? bound.port() : Trouble();
}

int UdpSocket::SetMulticastLoop(bool on) {
  if (family_ == AF_INET6) return Set(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on ? 1 : 0);
  return Set(IPPROTO_IP, IP_MULTICAST_LOOP, static_cast<unsigned char>(on ? 1 : 0));
}

int UdpSocket::SetMulticastAll([[maybe_unused]] bool on) {
  int status = 0;
#ifdef IP_MULTICAST_ALL
  status = Set(IPPROTO_IP, IP_MULTICAST_ALL, on ? 1 : 0);
#endif
#ifdef IPV6_MULTICAST_ALL
  if (status == 0 && family_ == AF_INET6) status = Set(IPPROTO_IPV6, IPV6_MULTICAST_ALL, on ? 1 : 0);
#endif
  return status;
}

int UdpSocket::SetReceiveBuffer(int bytes) {
#ifdef SO_RCVBUFFORCE
  // With the right to do so, more than the system's limit.
  if (Set(SOL_SOCKET, SO_RCVBUFFORCE, bytes) == 0) return 0;
#endif
  return Set(SOL_SOCKET, SO_RCVBUF, bytes);
}

int UdpSocket::SetMembership(const std::string &group, const std::string &interface, bool joins) {
  ipv6_mreq six = {};
  if (inet_pton(AF_INET6, group.c_str(), &six.ipv6mr_multiaddr) == 1) {
    const int index = interface.empty() ? 0 : IndexOf(interface);
    if (index < 0) return index;
    six.ipv6mr_interface = static_cast<unsigned>(index);
    return Set(IPPROTO_IPV6, joins ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, six);
  }
  ip_mreq request = {};
  if (inet_pton(AF_INET, group.c_str(), &request.imr_multiaddr) != 1) return -EINVAL;
  if (!interface.empty() && inet_pton(AF_INET, interface.c_str(), &request.imr_interface) != 1) return -EINVAL;
  return Set(IPPROTO_IP, joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, request);
}

int UdpSocket::SetMulticastInterface(const std::string &interface) {
  in_addr address = {};
  if (inet_pton(AF_INET, interface.c_str(), &address) == 1) return Set(IPPROTO_IP, IP_MULTICAST_IF, address);
  const int index = IndexOf(interface);
  return index < 0 ? index : Set(IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
}

int UdpSocket::Send(const UdpAddress &to, const void *data, size_t length) {
  if (fd_ < 0) return -EBADF;
  if (waiting_.empty()) {
    const int status = SendOne(fd_, to, data, length);
    if (!HasNoRoom(status)) return status;
  }
  if (waiting_bytes_ + length > kMaxWaitingBytes) return -EAGAIN;
  int status = -ENOMEM;
  const auto keep = [&] {
    const auto *const bytes = static_cast<const uint8_t *>(data);
    waiting_.push_back({to, std::vector<uint8_t>(bytes, bytes + length)});
    waiting_bytes_ += length;
    status = waiting_.size() == 1 ? StartPolling() : 0;
  };
  Guard(keep, [](const char *) {});
  return status;
}

int UdpSocket::StartPolling() {
  const int events = waiting_.empty() ? UV_READABLE : UV_READABLE | UV_WRITABLE;
  return uv_poll_start(poll_.get(), events, [](uv_poll_t *handle, int status, int ready) {
    auto *const socket = static_cast<UdpSocket *>(handle->data);
    if (socket == nullptr) return;
    UdpListener &listener = socket->listener_;
    Guard([&] { socket->OnPoll(status, ready); }, [&](const char *what) { listener.OnUdpFailure(what); });
  });
}

// The listener is called last, since it may close the socket.
void UdpSocket::OnPoll(int status, int events) {
  if (status < 0) return OnPollError();
  if ((events & UV_WRITABLE) != 0) {
    SendWaiting();
    return;  // what can be read comes with the next iteration
  }
  const int count = datagrams_.Receive(fd_, limit_);
  if (count >= 0) AdaptLimit(static_cast<size_t>(count));
  if (count > 0) listener_.OnDatagrams(static_cast<size_t>(count));
  if (count < 0) listener_.OnReceiveError(-count);
}

// That there is nothing more shows only in a further attempt, which takes a third of the time of reading a datagram.
// So datagrams that come singly are read singly, and more are asked for only now and then.
void UdpSocket::AdaptLimit(size_t count) {
  constexpr unsigned kPatience = 4;
  if (count < limit_) {
    limit_ = std::max<size_t>(count, 1);
    filled_ = 0;
  } else if (limit_ > 1 || ++filled_ == kPatience) {
    limit_ = std::min(2 * limit_, Datagrams::kPlaces);
    filled_ = 0;
  }
}

// An error of the socket, which libuv polls no longer then. To ask for it is to remove it.
void UdpSocket::OnPollError() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;  // user code has closed it
  } else if (const int status = StartPolling(); status != 0) {
    error = -status;
  }
  if (error != 0) listener_.OnReceiveError(error);
}

void UdpSocket::SendWaiting() {
  int error = 0;
  size_t unsent = 0;
  while (!waiting_.empty()) {
    const Waiting &next = waiting_.front();
    const int status = SendOne(fd_, next.to, next.data.data(), next.data.size());
    if (HasNoRoom(status)) break;
    if (status != 0) {
      error = -status;
      ++unsent;
    }
    waiting_bytes_ -= next.data.size();
    waiting_.pop_front();
  }
  if (waiting_.empty()) {
    if (const int status = StartPolling(); status != 0) error = -status;
  }
  if (error != 0) listener_.OnUnsent(error, unsent);
}

}  // namespace mmpy
