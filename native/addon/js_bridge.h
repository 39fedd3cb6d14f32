// A core and its JavaScript side: the callbacks that binding.d.ts calls CoreCallbacks, and the typed arrays through
// which batches of events cross without an object per event.
#ifndef MMPY_JS_BRIDGE_H
#define MMPY_JS_BRIDGE_H

#include <napi.h>

#include <functional>
#include <memory>
#include <vector>

#include "instance/python_instance.h"
#include "routing/core.h"

namespace mmpy {

class JsBridge final : public CoreListener {
 public:
  // `callbacks` and `outbox` are binding.d.ts' CoreCallbacks and Outbox.
  JsBridge(Napi::Env env, uv_loop_t *loop, Napi::Object callbacks, Napi::Object outbox);

  Core &core() { return *core_; }

  // Adds a python instance. The one with a number: NULL if that is of another kind.
  InstanceId AddPython();
  PythonInstance *python(InstanceId instance) const {
    return instance < pythons_.size() ? pythons_[instance] : nullptr;
  }

  // Queues the first `count` events of the outbox.
  void EmitOutbox(size_t count);

  // Stops the core. When everything is closed, lets go of JavaScript, calls `stopped` and then `done`.
  void Stop(Napi::Function stopped, std::function<void(bool in_use)> done);

  // The environment is going away: gives up everything that belongs to it, then calls back.
  void Abandon(std::function<void()> done);

  void Deliver(InstanceId instance, const uint32_t *channels, const double *values, size_t count) override;
  void Tapped(const uint32_t *channels, const double *values, size_t count) override;
  void Tell(News news) override;

 private:
  void LetGo();
  void Call(const Napi::FunctionReference &function, const std::vector<napi_value> &arguments);

  // A pair of typed arrays for a batch, as wide as the widest batch so far.
  class Batch {
   public:
    void Fill(Napi::Env env, const uint32_t *channels, const double *values, size_t count);
    Napi::Value channels_value() const { return channels_reference_.Value(); }
    Napi::Value values_value() const { return values_reference_.Value(); }
    void Abandon();

   private:
    void Reserve(Napi::Env env, size_t count);

    size_t capacity_ = 0;
    uint32_t *channels_ = nullptr;
    double *values_ = nullptr;
    Napi::Reference<Napi::Uint32Array> channels_reference_;
    Napi::Reference<Napi::Float64Array> values_reference_;
  };

  Napi::Env env_;
  bool alive_ = true;  // false once the environment is going away
  std::unique_ptr<Napi::AsyncContext> context_;
  Napi::FunctionReference deliver_;
  Napi::FunctionReference reports_;
  Napi::FunctionReference intervals_;
  Napi::FunctionReference loop_;
  Napi::FunctionReference tap_;
  Napi::FunctionReference stopped_;
  Napi::Reference<Napi::Uint32Array> outbox_channels_;
  Napi::Reference<Napi::Float64Array> outbox_values_;
  const uint32_t *outbox_channels_data_ = nullptr;
  const double *outbox_values_data_ = nullptr;
  size_t outbox_capacity_ = 0;
  Batch delivery_;
  Batch tapped_;
  std::vector<PythonInstance *> pythons_;  // by instance; the core owns them
  std::unique_ptr<Core> core_;             // last: it goes first, and its end may still tell
};

}  // namespace mmpy

#endif
