// A UDP socket: reads many datagrams at a time, and sends at once, without a request for each. What could not be sent
// since the system had no room waits, up to a limit, and keeps its order.
//
// Not libuv's uv_udp_t: that one reads into memory that is asked for each time, and asks the system once more than
// necessary after each datagram.
#ifndef MMPY_UDP_SOCKET_H
#define MMPY_UDP_SOCKET_H

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/datagrams.h"
#include "io/udp_address.h"
#include "io/uv_handle.h"

namespace mmpy {

// Called on the loop's thread. May close the socket, and open it again.
class UdpListener {
 public:
  virtual ~UdpListener() = default;

  // The first `count` places have been filled, until this returns.
  virtual void OnDatagrams(size_t count) = 0;

  // Receiving failed, with an errno.
  virtual void OnReceiveError(int error) = 0;

  // Datagrams that had to wait could not be sent after all.
  virtual void OnUnsent(int error, size_t count) = 0;

  // A callback threw.
  virtual void OnUdpFailure(const char *what) = 0;
};

class UdpSocket {
 public:
  UdpSocket(UdpListener &listener, Datagrams &datagrams) : listener_(listener), datagrams_(datagrams) {}
  ~UdpSocket() { Close(); }
  UdpSocket(const UdpSocket &) = delete;
  UdpSocket &operator=(const UdpSocket &) = delete;

  // Binds it and begins to receive. It does not keep the loop alive. Others may bind the same address. This and all
  // that return an int: 0, or a negative errno.
  int Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles, const UdpAddress &address);
  void Close();
  bool is_open() const { return fd_ >= 0; }

  // Of the address that it is bound to, or a negative errno.
  int port() const;
  int family() const { return family_; }

  int SetBroadcast(bool on);
  int SetMulticastLoop(bool on);
  // The system may give less.
  int SetReceiveBuffer(int bytes);

  // Whether multicasts arrive, too, that other sockets of this machine have joined the groups of. Nothing where the
  // system has no such option.
  int SetMulticastAll(bool on);
  // An interface is given for IPv4 by one of its addresses, for IPv6 by its name. None: the system chooses.
  int SetMembership(const std::string &group, const std::string &interface, bool joins);
  int SetMulticastInterface(const std::string &interface);

  // Sends, or keeps it until there is room. -EAGAIN: as much as may is waiting already. The data is not needed
  // afterwards.
  int Send(const UdpAddress &to, const void *data, size_t length);

 private:
  struct Waiting {
    UdpAddress to;
    std::vector<uint8_t> data;
  };

  int Prepare(const UdpAddress &address);
  template <typename Value>
  int Set(int level, int option, const Value &value);
  int StartPolling();
  void OnPoll(int status, int events);
  void AdaptLimit(size_t count);
  void OnPollError();
  void SendWaiting();

  UdpListener &listener_;
  Datagrams &datagrams_;
  int fd_ = -1;
  int family_ = AF_INET;
  UvHandle<uv_poll_t> poll_;
  size_t limit_ = 1;     // how many are read next: as many as there were, and more while there are more
  unsigned filled_ = 0;  // how often in a row there was one when one was read
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
};

}  // namespace mmpy

#endif
