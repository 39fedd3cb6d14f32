// A core: its instances and its mapping. Its other parts: core_emit.cc, core_drain.cc, core_time.cc, core_stop.cc.
#include "routing/core.h"

#include <stdexcept>
#include <utility>

#include "io/steady_ms.h"
#include "routing/reserve.h"

namespace mmpy {

Core::Core(uv_loop_t *loop, CoreListener &listener) : loop_(loop), listener_(listener), now_ms_(uv_now(loop)) {
  alarm_.Open(loop, handles_);
  // These three inits cannot fail but for running out of descriptors (async), and then the first Wake() is lost only.
  wake_.Open(handles_, this, [&](uv_async_t *handle) {
    return uv_async_init(loop, handle, [](uv_async_t *async) {
      if (auto *core = static_cast<Core *>(async->data)) {
        core->Guarded([&] {
          const Entry entry(*core);
          core->SetAlarm();
        });
      }
    });
  });
  idle_.Open(handles_, this, [&](uv_idle_t *handle) { return uv_idle_init(loop, handle); });
  housekeeping_.Open(handles_, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
  filter_timer_.Open(handles_, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
  loop_delay_.Open(loop, handles_);
  router_.UseClock(this);
}

Core::~Core() = default;

// What an instance is being delivered would move.
void Core::RefuseIfEntered() const {
  if (depth_ > 0) throw std::logic_error("the core can't be changed from within itself, while it delivers events");
}

InstanceId Core::Add(std::unique_ptr<Destination> destination) {
  RefuseIfEntered();
  const Entry entry(*this);  // threads may output meanwhile
  const auto id = static_cast<InstanceId>(instances_.size());
  Destination *const added = destination.get();
  const size_t count = instances_.size() + 1;
  // Nothing fails once the router knows it.
  ReserveFor(instances_, count);
  ReserveFor(with_code_, count);
  ReserveFor(outgoing_, count);
  router_.AddInstance(added);
  instances_.push_back(std::move(destination));
  if (added->code() != nullptr) with_code_.push_back(added);
  return id;
}

// Cold for its size: it comes once in a configuration.
[[gnu::cold]] void Core::Connect(const std::vector<ChannelId> &first_channels, std::vector<uint32_t> offsets,
                                 const std::vector<ChannelId> &targets, RawFilters filters) {
  RefuseIfEntered();
  const Entry entry(*this);  // threads may output meanwhile
  std::vector<InstanceId> owner(offsets.size() - 1);
  const auto end_of = [&](InstanceId id) {
    return id + 1 < first_channels.size() ? first_channels[id + 1] : owner.size();
  };
  for (InstanceId id = 0; id < instances_.size(); ++id) {
    for (size_t channel = first_channels[id]; channel < end_of(id); ++channel) owner[channel] = id;
  }
  std::vector<Target> rows;
  rows.reserve(targets.size());
  for (const ChannelId channel : targets) {
    if ((channel & kFiltered) == 0) {
      rows.push_back({channel, owner[channel]});
    } else {
      rows.push_back({channel & ~kFiltered, Router::kWithFilters});
    }
  }
  if (!filters.table.Fill(filters.pairs, filters.chain_offsets, filters.steps, owner)) {
    throw std::invalid_argument("filters that are not sound");
  }
  Router::Mapping mapping =
      router_.Prepare(first_channels, std::move(offsets), std::move(rows), std::move(filters.table));
  const auto number = [&](ChannelId channel) {
    const auto [instance, index] = router_.OwnerOf(channel);
    if (instance >= first_channels.size()) return Router::kNoChannel;
    return index < end_of(instance) - first_channels[instance] ? first_channels[instance] + index : Router::kNoChannel;
  };
  auto live = live_.Prepare(owner.size(), number);
  // Without this, events that were emitted before would be told under the names of other channels.
  tapped_.Renumber(Router::kNoChannel, number);
  // There is memory for all: instances and the router never count channels differently.
  router_.Connect(std::move(mapping));
  live_.Install(std::move(live));
  for (InstanceId id = 0; id < instances_.size(); ++id) {
    instances_[id]->Connected(first_channels[id], end_of(id) - first_channels[id]);
  }
  // Not before: it runs user code, during which threads may output, by the new numbers. It throws nothing.
  for (size_t id = 0; id < instances_.size(); ++id) instances_[id]->TakeHandlers();
}

void Core::Run() {
  const Entry entry(*this);
  const bool again = std::exchange(state_, State::kRunning) == State::kRunning;
  for (size_t id = 0; id < instances_.size(); ++id) instances_[id]->Begin();
  if (!again) timetable_.Start(SteadyNs());
  SetAlarm();
  TellStarted();
}

void Core::Hold(bool hold) {
  held_ = hold;
  if (!hold && state_ == State::kRunning) TellStarted();
}

// Whatever fails in one, the others are told.
void Core::TellStarted() {
  for (size_t id = 0; id < instances_.size(); ++id) Try([&] { instances_[id]->Started(); });
}

void Core::Live(bool on) {
  if (on) {
    live_.Open(router_.channel_count());
  } else {
    live_.Close();
  }
  router_.NoteIn(on ? &live_ : nullptr);
  Tap(tapping_);
}

void Core::Measure(bool on) {
  timing_ = on;
  loop_delay_.Measure(on);
}

void Core::Observe(ChannelId source, double value) {
  if (tapping_) tapped_.Append(source, value);
  if (live_.is_open()) live_.Note(source, value);
}

void Core::Wake() {
  if (wake_) uv_async_send(wake_.get());
}

}  // namespace mmpy
