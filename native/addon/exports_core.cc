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
             const std::vector<uint32_t> &targets, size_t pairs) {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != targets.size()) return false;
  if (!std::is_sorted(offsets.begin(), offsets.end())) return false;
  const size_t channels = offsets.size() - 1;
  if (!std::is_sorted(first_channels.begin(), first_channels.end())) return false;
  if (!first_channels.empty() && (first_channels.front() != 0 || first_channels.back() > channels)) return false;
  return std::all_of(targets.begin(), targets.end(), [&](uint32_t target) {
    return (target & Core::kFiltered) != 0 ? (target & ~Core::kFiltered) < pairs : target < channels;
  });
}

std::vector<uint32_t> Numbers(const Napi::Object &object, const char *name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    throw Unexpected("a Uint32Array");
  }
  const auto array = value.As<Napi::Uint32Array>();
  return std::vector<uint32_t>(array.Data(), array.Data() + array.ElementLength());
}

RawFilters FiltersOf(const Napi::Value &value) {
  RawFilters filters;
  if (value.IsUndefined()) return filters;
  if (!value.IsObject()) throw Unexpected("filters");
  const auto object = value.As<Napi::Object>();
  const Napi::Value keys = object.Get("chains");
  const Napi::Value args = object.Get("args");
  const bool are_numbers = args.IsTypedArray() && args.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array;
  if (!keys.IsArray() || !are_numbers) throw Unexpected("filters");
  const auto names = keys.As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); ++i) filters.table.keys.push_back(names.Get(i).ToString().Utf8Value());
  const auto numbers = args.As<Napi::Float64Array>();
  filters.table.args.assign(numbers.Data(), numbers.Data() + numbers.ElementLength());
  filters.table.watched = Numbers(object, "watched");
  filters.chain_offsets = Numbers(object, "chainOffsets");
  const std::vector<uint32_t> pairs = Numbers(object, "pairs");
  const std::vector<uint32_t> steps = Numbers(object, "steps");
  if (pairs.size() % 4 != 0 || steps.size() % 4 != 0) throw Unexpected("rows of four");
  filters.pairs.reserve(pairs.size() / 4);
  for (size_t i = 0; i < pairs.size(); i += 4) {
    filters.pairs.push_back({pairs[i], pairs[i + 1], pairs[i + 2], pairs[i + 3]});
  }
  filters.steps.reserve(steps.size() / 4);
  for (size_t i = 0; i < steps.size(); i += 4) {
    filters.steps.push_back({steps[i], steps[i + 1], steps[i + 2], steps[i + 3]});
  }
  return filters;
}

Napi::Value Connect(const Arguments &arguments) {
  Core &core = arguments.core();
  std::vector<uint32_t> first_channels = arguments.numbers(1);
  std::vector<uint32_t> offsets = arguments.numbers(2);
  const std::vector<uint32_t> targets = arguments.numbers(3);
  RawFilters filters = FiltersOf(arguments.value(4));
  if (first_channels.size() != core.instance_count() ||
      !IsSound(first_channels, offsets, targets, filters.pairs.size())) {
    throw Unexpected("sound tables");
  }
  core.Connect(std::move(first_channels), std::move(offsets), targets, std::move(filters));
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
