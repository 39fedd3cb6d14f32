// A core and its JavaScript side: the CoreCallbacks of binding.d.ts, and the typed arrays through which batches of
// events cross without an object per event.
#ifndef MMPY_JS_BRIDGE_H
#define MMPY_JS_BRIDGE_H

#include <napi.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "addon/event_arrays.h"
#include "addon/midi_bridge.h"
#include "instance/python_instance.h"
#include "process/process_link.h"
#include "routing/core.h"

namespace mmpy {

// A PythonException of binding.d.ts.
Napi::Object ToJavascript(Napi::Env env, const PythonException &exception);

// Takes the events of an instance before JavaScript does.
class BatchTaker {
 public:
  virtual ~BatchTaker() = default;

  // Returns false if the batch is for JavaScript, and then has done nothing with it. On the way out of the core, as
  // CoreListener::Deliver(). May run JavaScript, which may put another one in its place.
  virtual bool Take(const uint32_t *channels, const double *values, size_t count) = 0;
};

class JsBridge final : public CoreListener {
 public:
  // `callbacks` and `outbox` are binding.d.ts' CoreCallbacks and Outbox.
  JsBridge(Napi::Env env, uv_loop_t *loop, Napi::Object callbacks, Napi::Object outbox);

  Core &core() { return *core_; }

  // Adds a python instance. Finds one by its number: NULL for an instance of another kind.
  InstanceId AddPython();
  PythonInstance *python(InstanceId instance) const {
    return instance < pythons_.size() ? pythons_[instance] : nullptr;
  }

  // The same for an instance with a process of its own.
  InstanceId AddProcess();
  ProcessLink *process(InstanceId instance) const {
    return instance < processes_.size() ? processes_[instance] : nullptr;
  }

  // Its client of the system's MIDI sequencer, which is closed with it.
  MidiBridge &midi() {
    if (midi_ == nullptr) midi_ = std::make_unique<MidiBridge>(env_, *core_);
    return *midi_;
  }

  // From now on, until the core is stopped, an instance's events go to `taker` first. NULL: to JavaScript alone.
  void Use(InstanceId instance, std::shared_ptr<BatchTaker> taker) {
    if (instance >= takers_.size()) takers_.resize(instance + 1);
    takers_[instance] = std::move(taker);
  }

  // Queues the first `count` events of the outbox.
  void EmitOutbox(size_t count);

  // Stops the core. When everything is closed, releases JavaScript, calls `stopped` and then `done`.
  void Stop(Napi::Function stopped, std::function<void(bool in_use)> done);

  // The environment is being torn down: releases everything that belongs to it, then calls back.
  void Abandon(std::function<void()> done);

  void Deliver(InstanceId instance, const uint32_t *channels, const double *values, size_t count) override;
  void Tapped(const uint32_t *channels, const double *values, size_t count) override;
  void Tell(News news) override;
  void Failed(const char *what) override;

 private:
  void Release();
  void Call(const Napi::FunctionReference &function, std::initializer_list<napi_value> arguments);

  Napi::Env env_;
  bool alive_ = true;  // false once the environment is being torn down
  std::unique_ptr<Napi::AsyncContext> context_;
  Napi::FunctionReference deliver_;
  Napi::FunctionReference reports_;
  Napi::FunctionReference intervals_;
  Napi::FunctionReference loop_;
  Napi::FunctionReference tap_;
  Napi::FunctionReference tasks_ended_;
  Napi::FunctionReference stopped_;
  Napi::Reference<Napi::Uint32Array> outbox_instances_;
  Napi::Reference<Napi::Uint32Array> outbox_channels_;
  Napi::Reference<Napi::Float64Array> outbox_values_;
  const uint32_t *outbox_instances_data_ = nullptr;
  const uint32_t *outbox_channels_data_ = nullptr;
  const double *outbox_values_data_ = nullptr;
  size_t outbox_capacity_ = 0;
  EventArrays delivery_;
  EventArrays tapped_;
  std::vector<std::shared_ptr<BatchTaker>> takers_;  // by instance
  std::vector<PythonInstance *> pythons_;            // by instance; the core owns them
  std::vector<ProcessLink *> processes_;             // likewise
  std::unique_ptr<Core> core_;                       // it may still report while it is destroyed
  std::unique_ptr<MidiBridge> midi_;                 // last, since it refers to the core
};

}  // namespace mmpy

#endif
