#include "addon/udp_bridge.h"

#include <errno.h>

#include <algorithm>
#include <array>

#include "addon/failure.h"

namespace mmpy {

UdpBridge::UdpBridge(UdpSockets &sockets) : sockets_(sockets), socket_(*this, *sockets.datagrams_) {}

int UdpBridge::Open(const UdpAddress &address, Napi::Object callbacks) {
  const auto function = [&](const char *name) { return Napi::Persistent(callbacks.Get(name).As<Napi::Function>()); };
  received_ = function("received");
  failed_ = function("failed");
  unsent_ = function("unsent");
  const int status = socket_.Open(sockets_.loop_, sockets_.handles_, address);
  if (status != 0) Close();
  ++opened_;
  return status;
}

void UdpBridge::Close() {
  socket_.Close();
  reader_.reset();
  taken_ms_ = 0;
  for (Napi::FunctionReference *function : {&received_, &failed_, &unsent_}) function->Reset();
}

// TypeScript catches what its callbacks throw.
void UdpBridge::Call(const Napi::FunctionReference &function, std::initializer_list<double> arguments) {
  if (function.IsEmpty()) return;
  const napi_env env = sockets_.env_;
  const Napi::HandleScope scope(env);
  std::array<napi_value, 3> values{};
  auto *next = values.begin();
  for (const double argument : arguments) napi_create_double(env, argument, next++);
  napi_value result = nullptr;
  const napi_value callee = function.Value();
  const napi_status status =
      napi_make_callback(env, *sockets_.context_, callee, callee, arguments.size(), values.data(), &result);
  if (status != napi_pending_exception) return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

// The first that the reader leaves is for JavaScript, and so are all after it, since their order counts.
void UdpBridge::OnDatagrams(size_t count) {
  size_t first = 0;
  if (reader_ != nullptr) {
    const uint64_t opened = opened_;
    const std::shared_ptr<DatagramReader> reader = reader_;
    taken_ms_ = sockets_.now_ms();
    while (first < count && reader->Take(sockets_.datagrams_->data(first), sockets_.datagrams_->size(first))) {
      ++first;
      if (opened != opened_ || reader != reader_) break;
    }
    if (opened != opened_) return;
  }
  if (first < count) Call(received_, {static_cast<double>(first), static_cast<double>(count)});
}

void UdpBridge::OnReceiveError(int error) { Call(failed_, {static_cast<double>(error)}); }

void UdpBridge::OnUnsent(int error, size_t count) {
  Call(unsent_, {static_cast<double>(error), static_cast<double>(count)});
}

void UdpBridge::OnUdpFailure(const char *what) { WarnOfFailure(sockets_.env_, what); }

UdpSockets::UdpSockets(Napi::Env env, uv_loop_t *loop)
    : env_(env), loop_(loop), context_(std::make_unique<Napi::AsyncContext>(env, "midimonster.udp")) {
  auto memory = Napi::ArrayBuffer::New(env, Datagrams::kMemory + Datagrams::kRowBytes);
  if (memory.IsEmpty()) throw std::bad_alloc();
  auto *const bytes = static_cast<uint8_t *>(memory.Data());
  datagrams_ = std::make_unique<Datagrams>(bytes, reinterpret_cast<DatagramRow *>(bytes + Datagrams::kMemory));
  memory_ = Napi::Persistent(memory);
}

int UdpSockets::Open(const std::string &address, uint16_t port, Napi::Object callbacks) {
  UdpAddress bound;
  if (const int status = bound.Parse(address, port); status != 0) return status;
  auto place = std::find_if(bridges_.begin(), bridges_.end(),
                            [](const std::unique_ptr<UdpBridge> &bridge) { return !bridge->socket().is_open(); });
  if (place == bridges_.end()) place = bridges_.insert(place, std::make_unique<UdpBridge>(*this));
  const int status = (*place)->Open(bound, callbacks);
  return status == 0 ? static_cast<int>(place - bridges_.begin()) : status;
}

UdpBridge *UdpSockets::Find(size_t number) const {
  if (number >= bridges_.size()) return nullptr;
  UdpBridge *const bridge = bridges_[number].get();
  return bridge->socket().is_open() ? bridge : nullptr;
}

void UdpSockets::Close(size_t number) {
  if (number < bridges_.size()) bridges_[number]->Close();
}

void UdpSockets::Abandon(std::function<void()> done) {
  for (const auto &bridge : bridges_) bridge->Close();
  memory_.Reset();
  context_.reset();
  handles_->WhenNone(std::move(done));
}

Napi::Object UdpSockets::Describe() const {
  auto object = Napi::Object::New(env_);
  object.Set("memory", memory_.Value());
  object.Set("places", static_cast<double>(Datagrams::kPlaces));
  object.Set("stride", static_cast<double>(Datagrams::kStride));
  object.Set("rowsAt", static_cast<double>(Datagrams::kMemory));
  return object;
}

}  // namespace mmpy
