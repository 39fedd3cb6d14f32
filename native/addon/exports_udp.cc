// UDP sockets, which belong to the environment and need neither Python nor a core.
#include <errno.h>

#include "addon/arguments.h"
#include "addon/udp_bridge.h"

namespace mmpy {

namespace {

Napi::Value Number(const Arguments &arguments, int number) { return Napi::Number::New(arguments.env(), number); }

UdpSockets &SocketsOf(const Arguments &arguments) { return arguments.environment().udp(arguments.env()); }

uint16_t Port(const Arguments &arguments, size_t i) { return static_cast<uint16_t>(arguments.number(i)); }

// The first bytes of an array.
Arguments::View<uint8_t> Data(const Arguments &arguments) {
  auto data = arguments.view<uint8_t>(1);
  if (data.size < arguments.number(2)) throw Unexpected("as many bytes as there are");
  data.size = arguments.number(2);
  return data;
}

template <typename Work>
Napi::Value With(const Arguments &arguments, Work &&work) {
  UdpBridge *const bridge = SocketsOf(arguments).Find(arguments.number(0));
  return Number(arguments, bridge == nullptr ? -EBADF : work(bridge->socket()));
}

Napi::Value Places(const Arguments &arguments) { return SocketsOf(arguments).Describe(); }

Napi::Value Open(const Arguments &arguments) {
  return Number(arguments, SocketsOf(arguments).Open(arguments.text(0), Port(arguments, 1), arguments.object(2)));
}

Napi::Value Close(const Arguments &arguments) {
  SocketsOf(arguments).Close(arguments.number(0));
  return arguments.env().Undefined();
}

Napi::Value LocalPort(const Arguments &arguments) {
  return With(arguments, [](UdpSocket &socket) { return socket.port(); });
}

Napi::Value Broadcast(const Arguments &arguments) {
  return With(arguments, [&](UdpSocket &socket) { return socket.SetBroadcast(arguments.flag(1)); });
}

Napi::Value MulticastLoop(const Arguments &arguments) {
  return With(arguments, [&](UdpSocket &socket) { return socket.SetMulticastLoop(arguments.flag(1)); });
}

Napi::Value MulticastAll(const Arguments &arguments) {
  return With(arguments, [&](UdpSocket &socket) { return socket.SetMulticastAll(arguments.flag(1)); });
}

Napi::Value ReceiveBuffer(const Arguments &arguments) {
  return With(arguments,
              [&](UdpSocket &socket) { return socket.SetReceiveBuffer(static_cast<int>(arguments.number(1))); });
}

Napi::Value Membership(const Arguments &arguments) {
  return With(arguments, [&](UdpSocket &socket) {
    return socket.SetMembership(arguments.text(1), arguments.text(2), arguments.flag(3));
  });
}

Napi::Value MulticastInterface(const Arguments &arguments) {
  return With(arguments, [&](UdpSocket &socket) { return socket.SetMulticastInterface(arguments.text(1)); });
}

Napi::Value Send(const Arguments &arguments) {
  const auto data = Data(arguments);
  return With(arguments, [&](UdpSocket &socket) {
    const UdpAddress to = UdpAddress::OfIPv4(socket.family(), arguments.number(3), Port(arguments, 4));
    return socket.Send(to, data.data, data.size);
  });
}

Napi::Value SendTo(const Arguments &arguments) {
  const auto data = Data(arguments);
  UdpAddress to;
  if (const int status = to.Parse(arguments.text(3), Port(arguments, 4)); status != 0) {
    return Number(arguments, status);
  }
  return With(arguments, [&](UdpSocket &socket) { return socket.Send(to, data.data, data.size); });
}

Napi::Value Sender(const Arguments &arguments) {
  const uint32_t place = arguments.number(0);
  if (place >= Datagrams::kPlaces) throw Unexpected("the number of a place");
  return Napi::String::New(arguments.env(), SocketsOf(arguments).datagrams().sender(place).Text());
}

}  // namespace

void ExportUdp(Napi::Object exports) {
  Export<Places>(exports, "datagrams");
  Export<Open>(exports, "openUdp");
  Export<Close>(exports, "closeUdp");
  Export<LocalPort>(exports, "udpPort");
  Export<Broadcast>(exports, "setUdpBroadcast");
  Export<MulticastLoop>(exports, "setUdpMulticastLoop");
  Export<MulticastAll>(exports, "setUdpMulticastAll");
  Export<ReceiveBuffer>(exports, "setUdpReceiveBuffer");
  Export<Membership>(exports, "setUdpMembership");
  Export<MulticastInterface>(exports, "setUdpMulticastInterface");
  Export<Send>(exports, "sendUdp");
  Export<SendTo>(exports, "sendUdpTo");
  Export<Sender>(exports, "udpSender");
}

}  // namespace mmpy
