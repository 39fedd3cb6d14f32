#include "routing/router.h"

#include <uv.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "io/guard.h"
#include "routing/reserve.h"

namespace mmpy {

void Router::AddInstance(Destination *destination) {
  const size_t count = destinations_.size() + 1;
  EventBuffer events[] = {EventBuffer(&budget_), EventBuffer(&budget_)};
  static_assert(std::size(events) == std::extent_v<decltype(rounds_)>);
  for (EventBuffer &one : events) one.Reserve();
  ReserveFor(destinations_, count);
  for (Round &round : rounds_) {
    ReserveFor(round.instances, count);
    ReserveFor(round.events, count);
  }
  destinations_.push_back(destination);
  for (size_t i = 0; i < std::size(rounds_); ++i) rounds_[i].events.push_back(std::move(events[i]));
}

void Router::Connect(std::vector<ChannelId> first_channels, std::vector<uint32_t> offsets,
                     std::vector<Target> targets) {
  const auto channels = static_cast<ChannelId>(offsets.size() - 1);
  for (InstanceId id = 0; id < first_channels_.size(); ++id) {
    const ChannelId end = id + 1 < first_channels.size() ? first_channels[id + 1] : channels;
    if (end == first_channels[id]) RemoveEvents(id);
    for (Round &round : rounds_) round.events[id].Renumber(first_channels_[id], first_channels[id]);
  }
  first_channels_ = std::move(first_channels);
  offsets_ = std::move(offsets);
  targets_ = std::move(targets);
  tracer_.Forget();
}

std::vector<uint32_t> Router::MappedChannels(ChannelId first, size_t count, bool as_targets) const {
  count = std::min(count, channel_count() - std::min<size_t>(first, channel_count()));
  std::vector<bool> mapped(count);
  if (as_targets) {
    for (const Target &target : targets_) {
      if (target.channel - first < count) mapped[target.channel - first] = true;
    }
  } else {
    for (size_t i = 0; i < count; ++i) mapped[i] = offsets_[first + i] != offsets_[first + i + 1];
  }
  std::vector<uint32_t> found;
  for (size_t i = 0; i < count; ++i) {
    if (mapped[i]) found.push_back(static_cast<uint32_t>(i));
  }
  return found;
}

void Router::RemoveEvents(InstanceId id) {
  for (Round &round : rounds_) round.events[id].Clear();
  destinations_[id]->DropFinish();
  // A turn of the current round stays, without events.
  if (turn_ < current_->instances.size() && current_->instances[turn_] == id) position_ = 0;
  std::vector<InstanceId> &next = next_->instances;
  next.erase(std::remove(next.begin(), next.end(), id), next.end());
}

// Not inlined: among the variables of a caller, its own would not stay in registers.
[[gnu::noinline]] void Router::Emit(ChannelId base, const uint32_t *sources, const double *values, size_t count) {
  // Channels next to each other mostly lead to the same instance.
  InstanceId instance = kNoInstance;
  EventBuffer *events = nullptr;
  const Target *const targets = targets_.data();
  const uint32_t *const offsets = offsets_.data() + base;
  for (size_t i = 0; i < count; ++i) {
    const Target *const end = targets + offsets[sources[i] + 1];
    for (const Target *target = targets + offsets[sources[i]]; target != end; ++target) {
      if (target->instance != instance) {
        instance = target->instance;
        events = &EventsFor(instance);
      }
      if (!events->Append({target->channel, values[i]})) lost_ = true;
    }
  }
}

bool Router::Shrink() {
  bool again = false;
  for (Round &round : rounds_) {
    for (EventBuffer &events : round.events) again |= events.Shrink();
  }
  return again;
}

void Router::Release(InstanceId instance) {
  for (Round &round : rounds_) {
    if (round.events[instance].empty()) round.events[instance].Free();
  }
}

void Router::StartRound() {
  std::swap(current_, next_);
  next_->instances.clear();
  turn_ = 0;
  tracer_.CountRound();
}

// One event alone, so that whatever is queued afterwards and was not before is its effect. What was deferred to the
// end of the round is taken for an effect of its last event, whose effect it is too.
void Router::DeliverTraced(Destination &destination, const Event &event, bool is_last) {
  std::vector<size_t> before;
  const auto look = [&] {
    before.reserve(next_->events.size());
    for (const EventBuffer &events : next_->events) before.push_back(events.size());
  };
  Guard(look, [](const char *) {});  // without memory nothing is found out; it is delivered all the same
  destination.Deliver(&event, 1);
  if (is_last && destination.deferred()) destination.FinishRound();
  const auto note = [&] {
    for (size_t i = 0; i < before.size(); ++i) {
      const EventBuffer &events = next_->events[i];
      for (size_t n = before[i]; n < events.size(); ++n) tracer_.Note(event.channel, events[n].channel);
    }
    tracer_.EndEvent();
  };
  Guard(note, [](const char *) {});  // it has been delivered, whatever is known of it
}

void Router::NoteEffects(ChannelId cause, const EventBuffer &emitted, size_t first) {
  if (!tracer_.active()) return;
  for (size_t i = first; i < emitted.size(); ++i) {
    const ChannelId source = emitted[i].channel;
    for (uint32_t row = offsets_[source]; row < offsets_[source + 1]; ++row) tracer_.Note(cause, targets_[row].channel);
  }
  tracer_.EndEvent();
}

// Whether the budget is used up.
bool Router::LookAtClock(uint64_t budget_ns) {
  constexpr uint64_t kFastStride = 20'000;  // ns
  constexpr uint64_t kSlowStride = 200'000;
  const uint64_t now = uv_hrtime();
  until_clock_ = stride_;
  if (drain_started_ == 0) {
    // The first reading: these events' own time is unknown and not worth an earlier one.
    drain_started_ = clock_read_ = now;
    return false;
  }
  const uint64_t elapsed = now - clock_read_;
  if (elapsed > kSlowStride) {
    stride_ = 1;
  } else if (elapsed < kFastStride) {
    stride_ = std::min(2 * stride_, kMaxStride);
  }
  until_clock_ = stride_;
  clock_read_ = now;
  return now - drain_started_ >= budget_ns;
}

Router::Drained Router::Drain(uint64_t budget_ns, Slice slice) {
  if (slice == Slice::kNew) {
    drain_started_ = 0;
  } else if (until_clock_ == 0 && LookAtClock(budget_ns)) {
    tracer_.CountSlice();
    return Drained::kOutOfTime;
  } else {
    // What was done in between counts as many events: it may have taken long, also if nothing of it is mapped anywhere.
    until_clock_ -= std::min(kOutside, until_clock_);
  }
  for (;;) {
    Round &round = *current_;
    for (; turn_ < round.instances.size(); ++turn_) {
      const InstanceId instance = round.instances[turn_];
      Destination &destination = *destinations_[instance];
      EventBuffer &events = round.events[instance];
      // Events that are emitted meanwhile are of the next round, so these stay as they are.
      EventBuffer::Run run = events.From(position_);
      do {
        while (run.begin != run.end) {
          if (until_clock_ == 0 && LookAtClock(budget_ns)) {
            position_ = events.PositionOf(run.begin);
            tracer_.CountSlice();
            return Drained::kOutOfTime;
          }
          size_t count = static_cast<size_t>(run.end - run.begin);
          if (tracer_.active() && !destination.is_outside()) {
            count = 1;
            DeliverTraced(destination, *run.begin, events.IsLast(run.begin));
          } else {
            if (!destination.takes_whole_batches()) count = std::min(count, until_clock_);
            destination.Deliver(run.begin, count);
          }
          until_clock_ -= std::min(count, until_clock_);
          run.begin += count;
        }
      } while (events.GoOn(run));
      if (destination.deferred()) destination.FinishRound();
      events.Clear();
      position_ = 0;
    }
    if (next_->instances.empty()) {
      if (!expects_effects_) tracer_.Rest();
      return Drained::kEmpty;
    }
    StartRound();
  }
}

void Router::Clear() {
  for (Round &round : rounds_) {
    round.instances.clear();
    for (EventBuffer &events : round.events) events.Clear();
  }
  for (Destination *const destination : destinations_) destination->DropFinish();
  turn_ = position_ = 0;
}

}  // namespace mmpy
