// Looking at a running core: its table of last values, and what is counted.
#include <algorithm>
#include <vector>

#include "addon/arguments.h"

namespace mmpy {

namespace {

constexpr double kNsPerMs = 1e6;
constexpr double kNsPerSecond = 1e9;

Napi::Value Live(const Arguments &arguments) {
  Core &core = arguments.core();
  const Core::Entry entry(core);
  core.Live(arguments.flag(1));
  return arguments.env().Undefined();
}

Napi::Value TakeLive(const Arguments &arguments) {
  Core &core = arguments.core();
  const auto channels = arguments.view<uint32_t>(1);
  const auto values = arguments.view<double>(2);
  const auto counts = arguments.view<uint32_t>(3);
  const auto moved = arguments.view<float>(4);
  const size_t room = std::min({channels.size, values.size, counts.size, moved.size});
  size_t taken = 0;
  {
    const Core::Entry entry(core);
    core.live().TakeChanges([&](ChannelId channel, const LiveTable::Row &row) {
      if (taken == room) return false;
      channels.data[taken] = channel;
      values.data[taken] = row.value;
      counts.data[taken] = row.count;
      moved.data[taken++] = row.moved;
      return true;
    });
  }
  return Napi::Number::New(arguments.env(), static_cast<double>(taken));
}

Napi::Value WatchLive(const Arguments &arguments) {
  Core &core = arguments.core();
  const std::vector<uint32_t> channels = arguments.numbers(1);
  const Core::Entry entry(core);
  core.live().Watch(channels);
  return arguments.env().Undefined();
}

Napi::Value TakeSamples(const Arguments &arguments) {
  constexpr size_t kColumns = 3;
  Core &core = arguments.core();
  const auto rows = arguments.view<double>(1);
  size_t taken = 0;
  {
    const Core::Entry entry(core);
    core.live().TakeSamples([&](const LiveTable::Sample &sample) {
      if ((taken + 1) * kColumns > rows.size) return;
      double *const row = rows.data + kColumns * taken++;
      row[0] = sample.channel;
      row[1] = static_cast<double>(sample.time_ns) / kNsPerMs;
      row[2] = sample.value;
    });
  }
  return Napi::Number::New(arguments.env(), static_cast<double>(taken));
}

Napi::Value Measure(const Arguments &arguments) {
  arguments.core().Measure(arguments.flag(1));
  return arguments.env().Undefined();
}

Napi::Value CountersOf(const Arguments &arguments) {
  constexpr size_t kColumns = 10;
  Core &core = arguments.core();
  const auto rows = arguments.view<double>(1);
  const Core::Entry entry(core);
  for (InstanceId id = 0; id < core.instance_count() && (id + 1) * kColumns <= rows.size; ++id) {
    const Destination &instance = core.instance(id);
    const Counters &counters = instance.counters;
    double *row = rows.data + kColumns * id;
    for (const uint64_t count : {counters.in, instance.events_out(), counters.lost}) {
      *row++ = static_cast<double>(count);
    }
    *row++ = static_cast<double>(core.router().QueuedFor(id));
    for (const uint64_t count : counters.raised) *row++ = static_cast<double>(count);
    *row++ = static_cast<double>(counters.slow);
    *row = static_cast<double>(counters.code_ns) / kNsPerSecond;
  }
  return arguments.env().Undefined();
}

Napi::Value FilterDrops(const Arguments &arguments) {
  Core &core = arguments.core();
  const Core::Entry entry(core);
  const uint64_t *const drops = core.router().filter_drops();
  auto array = Napi::Float64Array::New(arguments.env(), kFilterOps);
  std::transform(drops, drops + kFilterOps, array.Data(), [](uint64_t count) { return static_cast<double>(count); });
  return array;
}

Napi::Value LoopDelays(const Arguments &arguments) {
  const LoopDelay &delay = arguments.core().loop_delay();
  auto array = Napi::Float64Array::New(arguments.env(), LoopDelay::kCounts + 1);
  const uint64_t *const counts = delay.counts();
  std::transform(counts, counts + LoopDelay::kCounts, array.Data(),
                 [](uint64_t count) { return static_cast<double>(count); });
  array[LoopDelay::kCounts] = static_cast<double>(delay.sum_ns()) / kNsPerSecond;
  return array;
}

}  // namespace

void ExportMonitor(Napi::Object exports) {
  Export<Live>(exports, "live");
  Export<TakeLive>(exports, "takeLive");
  Export<WatchLive>(exports, "watchLive");
  Export<TakeSamples>(exports, "takeSamples");
  Export<Measure>(exports, "measure");
  Export<CountersOf>(exports, "counters");
  Export<FilterDrops>(exports, "filterDrops");
  Export<LoopDelays>(exports, "loopDelays");
}

}  // namespace mmpy
