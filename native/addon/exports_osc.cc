// OSC that needs no JavaScript: datagrams that are read and events that are sent by native code.
#include <errno.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/osc_reader.h"
#include "addon/osc_sender.h"

namespace mmpy {

namespace {

Napi::Value Number(const Arguments &arguments, int number) { return Napi::Number::New(arguments.env(), number); }

UdpSockets &SocketsOf(const Arguments &arguments) { return arguments.environment().udp(arguments.env()); }

// A row of readOsc(): number of the path, position of the argument, channel, whether there are limits, minimum,
// maximum, number of arguments or 0.
constexpr size_t kColumns = 7;

Napi::Value ReadOsc(const Arguments &arguments) {
  UdpBridge *const socket = SocketsOf(arguments).Find(arguments.number(1));
  if (socket == nullptr) return Number(arguments, -EBADF);
  const Napi::Array addresses = arguments.array(3);
  const auto rows = arguments.view<double>(4);
  OscTable table;
  for (size_t at = 0; at + kColumns <= rows.size; at += kColumns) {
    const double *const row = rows.data + at;
    const Napi::Value address = addresses.Get(static_cast<uint32_t>(row[0]));
    if (!address.IsString()) throw Unexpected("an address for each row");
    const OscTable::Slot slot = {static_cast<uint32_t>(row[1]), static_cast<uint32_t>(row[2]), row[3] != 0, row[4],
                                 row[5]};
    table.Add(address.As<Napi::String>().Utf8Value(), static_cast<uint32_t>(row[6]), slot);
  }
  const bool reads = rows.size > 0;
  socket->Use(reads ? std::make_shared<OscReader>(arguments.handle(), arguments.number(2), std::move(table)) : nullptr);
  return Number(arguments, 0);
}

// A typed array of OscOutput.
template <typename Array>
auto SpanOf(const Napi::Object &output, const char *name) {
  auto array = output.Get(name).As<Array>();
  return Span<std::remove_pointer_t<decltype(array.Data())>>{array.Data(), array.ElementLength()};
}

Napi::Value SendOsc(const Arguments &arguments) {
  JsBridge &bridge = arguments.bridge();
  const uint32_t instance = arguments.number(1);
  if (instance >= bridge.core().instance_count()) throw Unexpected("the number of an instance");
  bridge.Use(instance, nullptr);
  if (arguments.is_null(2)) return Number(arguments, 0);
  UdpBridge *const socket = SocketsOf(arguments).Find(arguments.number(2));
  if (socket == nullptr) return Number(arguments, -EBADF);
  const Napi::Array addresses = arguments.array(3);
  const std::vector<uint32_t> ports = arguments.numbers(4);
  std::vector<UdpAddress> targets(ports.size());
  for (uint32_t i = 0; i < ports.size(); ++i) {
    const auto port = static_cast<uint16_t>(ports[i]);
    UdpAddress &target = targets[i];
    const int status = target.Parse(addresses.Get(i).ToString(), port);
    if (status != 0) return Number(arguments, status);
    if (target.family() == AF_INET) {
      target = UdpAddress::OfIPv4(socket->socket().family(), ntohl(target.four().sin_addr.s_addr), port);
    }
  }
  const Napi::Object output = arguments.object(5);
  const OscMessages::Tables tables = {
      SpanOf<Napi::Uint8Array>(output, "bytes"), SpanOf<Napi::Uint32Array>(output, "ends"),
      SpanOf<Napi::Float64Array>(output, "rows"), SpanOf<Napi::Uint32Array>(output, "sources"),
      SpanOf<Napi::Float64Array>(output, "last")};
  auto sender = std::make_shared<OscSender>(*socket, targets, tables, output);
  if (!sender->IsSound()) throw Unexpected("sound tables");
  bridge.Use(instance, std::move(sender));
  return Number(arguments, 0);
}

Napi::Value OscAge(const Arguments &arguments) {
  UdpBridge *const socket = SocketsOf(arguments).Find(arguments.number(0));
  const double taken_ms = socket == nullptr ? 0 : static_cast<double>(socket->taken_ms());
  const double now_ms = static_cast<double>(SocketsOf(arguments).now_ms());
  return Napi::Number::New(arguments.env(), taken_ms == 0 ? -1 : now_ms - taken_ms);
}

}  // namespace

void ExportOsc(Napi::Object exports) {
  Export<ReadOsc>(exports, "readOsc");
  Export<SendOsc>(exports, "sendOsc");
  Export<OscAge>(exports, "oscAge");
}

}  // namespace mmpy
