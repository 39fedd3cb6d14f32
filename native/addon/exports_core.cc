// A core as a whole: its mapping, running it, stopping it.
#include <uv.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "addon/arguments.h"

namespace mmpy {

namespace {

Napi::Value CreateCore(const Arguments &arguments) {
  Environment &environment = arguments.environment();
  auto bridge =
      std::make_shared<JsBridge>(arguments.env(), environment.loop(), arguments.object(0), arguments.object(1));
  auto handle = std::make_unique<BridgeHandle>(bridge);
  environment.Add(std::move(bridge));
  BridgeHandle *const raw = handle.release();
  return Napi::External<BridgeHandle>::New(arguments.env(), raw, [](Napi::Env, BridgeHandle *owned) {
    const std::unique_ptr<BridgeHandle> released(owned);
  });
}

Napi::Value OnlyCheck(const Arguments &arguments) {
  arguments.core().SetChecking();
  return arguments.env().Undefined();
}

Napi::Value InstanceCount(const Arguments &arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(arguments.core().instance_count()));
}

// Whether all indices in the tables are in range; otherwise the router would crash.
bool IsSound(const std::vector<uint32_t> &first_channels, const std::vector<uint32_t> &offsets,
             const std::vector<uint32_t> &targets) {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != targets.size()) return false;
  if (!std::is_sorted(offsets.begin(), offsets.end())) return false;
  const size_t channels = offsets.size() - 1;
  if (!std::is_sorted(first_channels.begin(), first_channels.end())) return false;
  if (!first_channels.empty() && (first_channels.front() != 0 || first_channels.back() > channels)) return false;
  return std::all_of(targets.begin(), targets.end(), [&](uint32_t target) { return target < channels; });
}

Napi::Value Connect(const Arguments &arguments) {
  Core &core = arguments.core();
  std::vector<uint32_t> first_channels = arguments.numbers(1);
  std::vector<uint32_t> offsets = arguments.numbers(2);
  const std::vector<uint32_t> targets = arguments.numbers(3);
  if (first_channels.size() != core.instance_count() || !IsSound(first_channels, offsets, targets)) {
    throw Unexpected("sound tables");
  }
  core.Connect(std::move(first_channels), std::move(offsets), targets);
  return arguments.env().Undefined();
}

Napi::Value Run(const Arguments &arguments) {
  arguments.core().Run();
  return arguments.env().Undefined();
}

Napi::Value Hold(const Arguments &arguments) {
  Core &core = arguments.core();
  const Core::Entry entry(core);  // queued events are delivered on the way out
  core.Hold(arguments.flag(1));
  return arguments.env().Undefined();
}

Napi::Value Emit(const Arguments &arguments) {
  arguments.bridge().EmitOutbox(arguments.number(1));
  return arguments.env().Undefined();
}

Napi::Value EmitBatch(const Arguments &arguments) {
  const auto [channels, values] = std::pair(arguments.view<uint32_t>(2), arguments.view<double>(3));
  const size_t count = std::min({size_t{arguments.number(4)}, channels.size, values.size});
  const size_t left_out = arguments.core().EmitFromOutside(arguments.number(1), channels.data, values.data, count);
  return Napi::Number::New(arguments.env(), static_cast<double>(left_out));
}

Napi::Value Now(const Arguments &arguments) {
  uv_loop_t *const loop = arguments.core().loop();
  uv_update_time(loop);
  return Napi::Number::New(arguments.env(), static_cast<double>(uv_now(loop)));
}

Napi::Value Tap(const Arguments &arguments) {
  arguments.core().Tap(arguments.flag(1));
  return arguments.env().Undefined();
}

Napi::Value LimitQueues(const Arguments &arguments) {
  arguments.core().budget().SetLimit(size_t{arguments.number(1)} << 20);
  return arguments.env().Undefined();
}

Napi::Value BeginStop(const Arguments &arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(arguments.core().BeginStop()));
}

Napi::Value Stop(const Arguments &arguments) {
  JsBridge *const bridge = &arguments.bridge();
  Environment *const environment = &arguments.environment();
  bridge->Stop(arguments.function(1), [environment, bridge](bool in_use) { environment->Forget(bridge, in_use); });
  return arguments.env().Undefined();
}

}  // namespace

void ExportCore(Napi::Object exports) {
  Export<CreateCore>(exports, "createCore");
  Export<OnlyCheck>(exports, "onlyCheck");
  Export<InstanceCount>(exports, "instanceCount");
  Export<Connect>(exports, "connect");
  Export<Run>(exports, "run");
  Export<Hold>(exports, "hold");
  Export<Emit>(exports, "emit");
  Export<EmitBatch>(exports, "emitBatch");
  Export<Now>(exports, "now");
  Export<Tap>(exports, "tap");
  Export<LimitQueues>(exports, "limitQueues");
  Export<BeginStop>(exports, "beginStop");
  Export<Stop>(exports, "stop");
}

}  // namespace mmpy
