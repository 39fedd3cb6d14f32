// The UDP sockets of an environment and their JavaScript side: the UdpCallbacks of binding.d.ts.
#ifndef MMPY_UDP_BRIDGE_H
#define MMPY_UDP_BRIDGE_H

#include <napi.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/datagrams.h"
#include "io/udp_socket.h"

namespace mmpy {

class UdpSockets;

// Takes datagrams of a socket before JavaScript does.
class DatagramReader {
 public:
  virtual ~DatagramReader() = default;

  // Returns false if it is for JavaScript. May run user code, which may do anything with the socket.
  virtual bool Take(const uint8_t *data, size_t size) = 0;
};

// A socket, which may be opened again after it was closed.
class UdpBridge final : public UdpListener {
 public:
  explicit UdpBridge(UdpSockets &sockets);

  // Returns 0 or a negative errno.
  int Open(const UdpAddress &address, Napi::Object callbacks);
  void Close();
  UdpSocket &socket() { return socket_; }

  // From now on, and until it is closed. NULL: JavaScript gets all.
  void Use(std::shared_ptr<DatagramReader> reader) { reader_ = std::move(reader); }

  // Counts openings: what belongs to an earlier one is not for this one.
  uint64_t opened() const { return opened_; }

  // Calls a function of JavaScript from a callback of libuv, with up to three numbers.
  void Call(const Napi::FunctionReference &function, std::initializer_list<double> arguments);

  // When the reader has taken a datagram for the last time, by libuv's clock; 0: never.
  uint64_t taken_ms() const { return taken_ms_; }

  void OnDatagrams(size_t count) override;
  void OnReceiveError(int error) override;
  void OnUnsent(int error, size_t count) override;
  void OnUdpFailure(const char *what) override;

 private:
  UdpSockets &sockets_;
  UdpSocket socket_;
  uint64_t opened_ = 0;
  std::shared_ptr<DatagramReader> reader_;
  uint64_t taken_ms_ = 0;
  Napi::FunctionReference received_;
  Napi::FunctionReference failed_;
  Napi::FunctionReference unsent_;
};

// Begins with the first socket of an environment. Numbers of sockets are used again.
class UdpSockets {
 public:
  UdpSockets(Napi::Env env, uv_loop_t *loop);

  // Returns the socket's number, or a negative errno.
  int Open(const std::string &address, uint16_t port, Napi::Object callbacks);

  // NULL: there is no open socket with this number.
  UdpBridge *Find(size_t number) const;
  void Close(size_t number);

  // Closes all; calls back when libuv has released them. No JavaScript runs from then on.
  void Abandon(std::function<void()> done);

  // What binding.d.ts calls Datagrams.
  Napi::Object Describe() const;
  const Datagrams &datagrams() const { return *datagrams_; }
  uint64_t now_ms() const { return uv_now(loop_); }

 private:
  friend class UdpBridge;

  Napi::Env env_;
  uv_loop_t *const loop_;
  const std::shared_ptr<HandleCount> handles_ = std::make_shared<HandleCount>();
  std::unique_ptr<Napi::AsyncContext> context_;
  Napi::Reference<Napi::ArrayBuffer> memory_;
  std::unique_ptr<Datagrams> datagrams_;
  std::vector<std::unique_ptr<UdpBridge>> bridges_;  // closed ones too
};

}  // namespace mmpy

#endif
