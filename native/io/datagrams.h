// Where datagrams are received: a place for each of several that are read from a socket at once. All sockets of an
// environment share one, since what is there is gone before another socket is read.
#ifndef MMPY_DATAGRAMS_H
#define MMPY_DATAGRAMS_H

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "io/udp_address.h"

namespace mmpy {

// One datagram: binding.d.ts' Datagrams.rows.
struct DatagramRow {
  uint32_t length;
  uint32_t family;  // 4 or 6
  uint32_t port;
  uint32_t address[4];  // of IPv4 only the first
  uint32_t scope;
};

class Datagrams {
 public:
  static constexpr size_t kPlaces = 32;
  // Room for the longest, and then some: if they all began at multiples of 64 KiB, the processor's caches would only
  // hold a few beginnings at a time.
  static constexpr size_t kStride = 65536 + 1088;
  static constexpr size_t kMemory = kPlaces * kStride;
  static constexpr size_t kRowBytes = kPlaces * sizeof(DatagramRow);

  // Memory of these sizes, which has to outlast this.
  Datagrams(uint8_t *memory, DatagramRow *rows);
  Datagrams(const Datagrams &) = delete;
  Datagrams &operator=(const Datagrams &) = delete;

  // Reads what a socket has, up to `limit` datagrams, of which there may be as many as places. Returns how many, 0 if
  // there was nothing, or a negative errno.
  int Receive(int fd, size_t limit);

  const uint8_t *data(size_t place) const { return static_cast<const uint8_t *>(pieces_[place].iov_base); }
  size_t size(size_t place) const { return rows_[place].length; }

  // The sender of one that was received last.
  const UdpAddress &sender(size_t place) const { return senders_[place]; }

 private:
#ifdef __linux__
  using Header = mmsghdr;
  static msghdr &MessageOf(Header &header) { return header.msg_hdr; }
  int ReceiveOne(int fd);
#else
  using Header = msghdr;
  static msghdr &MessageOf(Header &header) { return header; }
#endif
  void Describe(size_t place, size_t length);

  DatagramRow *const rows_;
  std::array<UdpAddress, kPlaces> senders_;
  std::array<iovec, kPlaces> pieces_;
  std::array<Header, kPlaces> headers_;
};

}  // namespace mmpy

#endif
