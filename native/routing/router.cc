#include "routing/router.h"

#include <uv.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "io/guard.h"
#include "routing/reserve.h"

namespace mmpy {

Router::Router() {
  destinations_.push_back(nullptr);
  for (Round &round : rounds_) round.events.emplace_back(&budget_).MakeFull();
}

void Router::AddInstance(Destination *destination) {
  const size_t count = destinations_.size() + 1;
  EventBuffer events[] = {EventBuffer(&budget_), EventBuffer(&budget_)};
  static_assert(std::size(events) == std::extent_v<decltype(rounds_)>);
  for (EventBuffer &one : events) one.Reserve();
  ReserveFor(destinations_, count);
  for (Round &round : rounds_) {
    ReserveFor(round.slots, count);
    ReserveFor(round.events, count);
  }
  destinations_.push_back(destination);
  for (size_t i = 0; i < std::size(rounds_); ++i) rounds_[i].events.push_back(std::move(events[i]));
}

// From the channels of the present mapping to those of the next one.
class Router::Renumbering final : public Filters::Renumbering {
 public:
  Renumbering(const Router &router, const Mapping &next) : router_(router), next_(next) {}

  ChannelId Number(ChannelId old) const override {
    const auto [instance, index] = router_.OwnerOf(old);
    const auto &first = next_.first_channels;
    if (instance >= first.size()) return FilterPair::kNoTarget;
    const size_t end = instance + 1 < first.size() ? first[instance + 1] : next_.offsets.size() - 1;
    return index < end - first[instance] ? first[instance] + index : FilterPair::kNoTarget;
  }

  InstanceId SlotOf(ChannelId channel) const override {
    const auto &first = next_.first_channels;
    return static_cast<InstanceId>(std::upper_bound(first.begin(), first.end(), channel) - first.begin());
  }

  void AppendTargets(ChannelId source, std::vector<ChannelId> &targets) const override {
    for (uint32_t row = next_.offsets[source]; row < next_.offsets[source + 1]; ++row) {
      const Target &target = next_.targets[row];
      if (target.instance != kFilterSlot) targets.push_back(target.channel);
    }
  }

 private:
  const Router &router_;
  const Mapping &next_;
};

Router::Mapping Router::Prepare(std::vector<ChannelId> first_channels, std::vector<uint32_t> offsets,
                                std::vector<Target> targets, FilterTable filters) const {
  Mapping mapping{std::move(first_channels), std::move(offsets), std::move(targets), {}};
  for (Target &target : mapping.targets) target.instance = SlotOf(target.instance);
  mapping.filters = filters_.Prepare(std::move(filters), Renumbering(*this, mapping));
  return mapping;
}

void Router::Connect(Mapping mapping) {
  const std::vector<ChannelId> &first_channels = mapping.first_channels;
  const auto channels = static_cast<ChannelId>(mapping.offsets.size() - 1);
  for (InstanceId id = 0; id < first_channels_.size(); ++id) {
    const ChannelId end = id + 1 < first_channels.size() ? first_channels[id + 1] : channels;
    if (end == first_channels[id]) RemoveEvents(SlotOf(id));
    for (Round &round : rounds_) round.events[SlotOf(id)].Renumber(first_channels_[id], first_channels[id]);
  }
  first_channels_ = std::move(mapping.first_channels);
  offsets_ = std::move(mapping.offsets);
  targets_ = std::move(mapping.targets);
  tracer_.Forget();
  filters_.Install(mapping.filters);
  for (const Filters::Moved &moved : mapping.filters.moved) Queue(moved.slot, {moved.target, moved.value});
}

std::vector<uint32_t> Router::MappedChannels(ChannelId first, size_t count, bool as_targets) const {
  count = std::min(count, channel_count() - std::min<size_t>(first, channel_count()));
  std::vector<bool> mapped(count);
  if (as_targets) {
    for (const Target &target : targets_) {
      const ChannelId channel = ChannelOf(target);
      if (channel - first < count) mapped[channel - first] = true;
    }
  } else {
    for (size_t i = 0; i < count; ++i) {
      const Target *const begin = targets_.data() + offsets_[first + i];
      const Target *const end = targets_.data() + offsets_[first + i + 1];
      mapped[i] = std::any_of(begin, end, [&](const Target &target) { return ChannelOf(target) != kNoChannel; });
    }
  }
  std::vector<uint32_t> found;
  for (size_t i = 0; i < count; ++i) {
    if (mapped[i]) found.push_back(static_cast<uint32_t>(i));
  }
  return found;
}

void Router::RemoveEvents(InstanceId slot) {
  for (Round &round : rounds_) round.events[slot].Clear();
  destinations_[slot]->DropFinish();
  // A turn of the current round stays, without events.
  if (turn_ < current_->slots.size() && current_->slots[turn_] == slot) position_ = 0;
  std::vector<InstanceId> &next = next_->slots;
  next.erase(std::remove(next.begin(), next.end(), slot), next.end());
}

void Router::EmitSlowly(const Target &target, double value) {
  if (target.instance == kFilterSlot) return EmitFiltered(target.channel, value);
  if (!next_->events[target.instance].Append({target.channel, value})) lost_ = true;
}

// Two loops, since one has no registers to spare for what the other needs.
void Router::Emit(ChannelId base, const uint32_t *sources, const double *values, size_t count) {
  if (count == 0) return;
  const Sources all{offsets_.data() + base, sources, values, count};
  Place place{0, targets_.data() + all.offsets[sources[0]]};
  while (EmitPlain(all, place) && EmitFiltered(all, place)) {
  }
}

bool Router::EmitPlain(const Sources &sources, Place &place) {
  // Channels next to each other mostly lead to the same instance.
  InstanceId slot = kFilterSlot;
  EventBuffer *events = &next_->events[slot];
  EventBuffer::Tail tail = events->tail();
  const Target *const targets = targets_.data();
  const auto [offsets, numbers, values, count] = sources;
  const Target *target = place.target;
  for (size_t i = place.index;;) {
    const Target *const end = targets + offsets[numbers[i] + 1];
    for (; target != end; ++target) {
      if (target->instance != slot) {
        events->SetTail(tail);
        slot = target->instance;
        events = &EventsFor(slot);
        tail = events->tail();
      }
      if (tail.next != tail.end) {
        *tail.next++ = {target->channel, values[i]};
      } else {
        events->SetTail(tail);
        if (slot == kFilterSlot) {
          place = {i, target};
          return true;
        }
        EmitSlowly(*target, values[i]);
        tail = events->tail();
      }
    }
    if (++i == count) break;
    target = targets + offsets[numbers[i]];
  }
  events->SetTail(tail);
  return false;
}

bool Router::Shrink() {
  bool again = false;
  for (Round &round : rounds_) {
    for (EventBuffer &events : round.events) again |= events.Shrink();
  }
  filters_.Shrink();
  return again;
}

void Router::Release(InstanceId instance) {
  for (Round &round : rounds_) {
    EventBuffer &events = round.events[SlotOf(instance)];
    if (events.empty()) events.Free();
  }
}

size_t Router::QueuedFor(InstanceId instance) const {
  const InstanceId slot = SlotOf(instance);
  const std::vector<InstanceId> &slots = current_->slots;
  const bool is_served = turn_ < slots.size() && slots[turn_] == slot;
  return next_->events[slot].size() + current_->events[slot].size() - (is_served ? position_ : 0);
}

void Router::StartRound() {
  std::swap(current_, next_);
  next_->slots.clear();
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
  for (size_t i = first; i < emitted.size(); ++i) NoteEffect(cause, emitted[i].channel);
  tracer_.EndEvent();
}

void Router::NoteEffect(ChannelId cause, ChannelId source) {
  if (!tracer_.active()) return;
  for (uint32_t row = offsets_[source]; row < offsets_[source + 1]; ++row) {
    const Target &target = targets_[row];
    if (target.instance != kFilterSlot) {
      tracer_.Note(cause, target.channel);
      continue;
    }
    const FilterPair &pair = filters_.pair(target.channel);
    // What comes later is no effect that keeps a loop going.
    if (pair.target != FilterPair::kNoTarget && !filters_.waits(target.channel)) tracer_.Note(cause, pair.target);
  }
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
    for (; turn_ < round.slots.size(); ++turn_) {
      const InstanceId slot = round.slots[turn_];
      Destination &destination = *destinations_[slot];
      EventBuffer &events = round.events[slot];
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
          const bool traced = tracer_.active() && !destination.is_outside();
          if (traced) {
            count = 1;
          } else if (!destination.takes_whole_batches()) {
            count = std::min(count, until_clock_);
          }
          destination.counters.in += count;
          if (live_ != nullptr && !destination.reflects()) live_->Note(run.begin, count);
          if (traced) {
            DeliverTraced(destination, *run.begin, events.IsLast(run.begin));
          } else {
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
    if (next_->slots.empty()) {
      if (!expects_effects_) tracer_.Rest();
      return Drained::kEmpty;
    }
    StartRound();
  }
}

void Router::Clear() {
  for (Round &round : rounds_) {
    round.slots.clear();
    for (InstanceId slot = 1; slot < round.events.size(); ++slot) round.events[slot].Clear();
  }
  for (InstanceId slot = 1; slot < destinations_.size(); ++slot) destinations_[slot]->DropFinish();
  filters_.Clear();
  turn_ = position_ = 0;
}

}  // namespace mmpy
