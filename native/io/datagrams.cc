#include "io/datagrams.h"

#include <errno.h>

#include "io/udp_calls.h"

namespace mmpy {

Datagrams::Datagrams(uint8_t *memory, DatagramRow *rows) : rows_(rows) {
  for (size_t i = 0; i < kPlaces; ++i) {
    pieces_[i] = {memory + i * kStride, kStride};
    headers_[i] = {};
    msghdr &message = MessageOf(headers_[i]);
    message.msg_name = senders_[i].any();
    message.msg_namelen = UdpAddress::capacity();
    message.msg_iov = &pieces_[i];
    message.msg_iovlen = 1;
  }
}

void Datagrams::Describe(size_t place, size_t length) {
  const UdpAddress &sender = senders_[place];
  DatagramRow &row = rows_[place];
  row = {};
  row.length = static_cast<uint32_t>(length);
  row.port = sender.port();
  row.family = 4;
  if (sender.family() == AF_INET) {
    row.address[0] = ntohl(sender.four().sin_addr.s_addr);
    return;
  }
  const in6_addr &six = sender.six().sin6_addr;
  uint32_t words[4];
  std::memcpy(words, &six, sizeof words);
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    row.address[0] = ntohl(words[3]);
    return;
  }
  row.family = 6;
  std::copy(words, words + 4, row.address);
  row.scope = sender.six().sin6_scope_id;
}

#ifdef __linux__

// Without the headers, which the system would have to copy.
int Datagrams::ReceiveOne(int fd) {
  ssize_t length = 0;
  do {
    length = ReceiveFrom(fd, pieces_[0].iov_base, pieces_[0].iov_len, &senders_[0]);
  } while (length < 0 && errno == EINTR);
  if (length < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
  Describe(0, static_cast<size_t>(length));
  return 1;
}

int Datagrams::Receive(int fd, size_t limit) {
  if (limit == 1) return ReceiveOne(fd);
  int count = 0;
  do {
    count = recvmmsg(fd, headers_.data(), static_cast<unsigned>(limit), MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
  for (int i = 0; i < count; ++i) {
    Describe(i, headers_[i].msg_len);
    MessageOf(headers_[i]).msg_namelen = UdpAddress::capacity();
  }
  return count;
}

#else

int Datagrams::Receive(int fd, size_t limit) {
  int count = 0;
  while (count < static_cast<int>(limit)) {
    Header &header = headers_[count];
    header.msg_namelen = UdpAddress::capacity();
    const ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return count > 0 || errno == EAGAIN || errno == EWOULDBLOCK ? count : -errno;
    Describe(count++, static_cast<size_t>(length));
  }
  return count;
}

#endif

}  // namespace mmpy
