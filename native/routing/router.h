// The event queue and the table that says where events go.
//
// Events travel in rounds. Events that are emitted while a round is delivered wait, in order, in a buffer of their
// destination instance for the next round; within a round every instance gets its events in one batch, instances in the
// order in which their first event was emitted. So events reach one instance in the order in which they were output.
//
// The caller holds the GIL around every call if any destination is a Python instance: that makes Emit() safe from
// Python's threads too.
#ifndef MMPY_ROUTER_H
#define MMPY_ROUTER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "routing/destination.h"
#include "routing/event_buffer.h"
#include "routing/filters.h"
#include "routing/live_table.h"
#include "routing/loop_tracer.h"

namespace mmpy {

// One row of the mapping table. One with filters has the number of its pair instead of a channel.
struct Target {
  ChannelId channel;
  InstanceId instance;
};

// The time that filters see, in milliseconds.
class FilterClock {
 public:
  virtual double FilterNow() const = 0;

 protected:
  ~FilterClock() = default;
};

class Router final : private FilterSink {
 public:
  static constexpr InstanceId kWithFilters = UINT32_MAX;  // as a target's instance

  Router();
  Router(const Router &) = delete;
  Router &operator=(const Router &) = delete;

  // Adds a destination. Instances are numbered in order of addition. All that waiting for it may take is allocated
  // here, so that Emit() throws nothing. Throws std::bad_alloc, and has added nothing then.
  void AddInstance(Destination *destination);

  // Installs the mapping table in compressed rows: the targets of channel c are targets[offsets[c]] up to, not
  // including, targets[offsets[c + 1]]. There is one more offset than there are channels. An instance's channels begin
  // at its element of `first_channels`. Queued events stay so, under their channels' new numbers; those for an
  // instance that has no channels any more go, with its turn. Not during a drain, from within Deliver(): it moves what
  // is being delivered. Throws std::bad_alloc if there is no memory to prepare it; everything is as before then.
  struct Mapping {
    std::vector<ChannelId> first_channels;
    std::vector<uint32_t> offsets;
    std::vector<Target> targets;
    Filters::Next filters;
  };
  Mapping Prepare(std::vector<ChannelId> first_channels, std::vector<uint32_t> offsets, std::vector<Target> targets,
                  FilterTable filters) const;
  void Connect(Mapping mapping);
  void Connect(std::vector<ChannelId> first_channels, std::vector<uint32_t> offsets, std::vector<Target> targets,
               FilterTable filters = {}) {
    Connect(Prepare(std::move(first_channels), std::move(offsets), std::move(targets), std::move(filters)));
  }

  // Filters have the time 0 without one.
  void UseClock(const FilterClock *clock) { clock_ = clock; }

  // When a filter has something to output; Filters::kNever if none has. RunFilters() queues it.
  double next_filter_due() const { return filters_.next_due(); }
  void RunFilters(double now) { filters_.RunDue(now); }
  // Values that were lost in delays since the last call.
  bool has_filter_losses() const { return filters_.has_lost(); }
  uint64_t TakeFilterLosses() { return filters_.TakeLost(); }

  // Queues an event for every channel that one of these sources is mapped to, in order.
  void Emit(ChannelId base, const uint32_t *sources, const double *values, size_t count);

  // Queues an event for every channel that `source` is mapped to.
  void Emit(ChannelId source, double value) {
    const Target *target = targets_.data() + offsets_[source];
    const Target *const end = targets_.data() + offsets_[source + 1];
    for (; target != end; ++target) {
      EventBuffer &events = EventsFor(target->instance);
      if (events.has_room()) {
        events.Put({target->channel, value});
      } else if (target->instance == kFilterSlot) {
        EmitFiltered(target->channel, value);
      } else {
        EmitSlowly(*target, value);
      }
    }
  }

  // Queues an event for a channel, wherever it comes from.
  void Send(const Target &target, double value) {
    filters_.NoteSent(target.channel, value);
    Queue(SlotOf(target.instance), {target.channel, value});
  }

  enum class Drained { kEmpty, kOutOfTime };
  enum class Slice { kNew, kSame };

  // Delivers until the queue is empty or `budget_ns` nanoseconds have passed, since this call began or, in the same
  // slice, since the call that began it; a later call goes on where this one stopped. Not re-entrant.
  // A function of its own keeps its variables in registers.
  [[gnu::noinline]] Drained Drain(uint64_t budget_ns, Slice slice = Slice::kNew);

  // Events for instances outside were delivered, and are about to be handled there: an empty queue is no rest then,
  // until Rest() says so.
  void ExpectEffects() { expects_effects_ = true; }
  void Rest() {
    expects_effects_ = false;
    tracer_.Rest();
  }

  // Whether events for instances outside are to be handled one at a time, so that it can be seen what each leads to:
  // an event on `cause` led to these, from the one at `first` on, which are sources.
  bool traces() const { return tracer_.active(); }
  void NoteEffects(ChannelId cause, const EventBuffer &emitted, size_t first);

  // The same of processes, which handle events later: an event on `cause` led to one on `source`.
  void NoteEffect(ChannelId cause, ChannelId source);

  // Through how many processes the events went that led to what is queued, at most.
  uint32_t hops() const { return tracer_.hops(); }
  void CountHops(uint32_t hops) { tracer_.CountHops(hops); }

  // The channels of an instance: the number of the first over all instances, and how many there are.
  struct Channels {
    ChannelId first;
    size_t count;
  };
  Channels ChannelsOf(InstanceId instance) const {
    if (instance >= first_channels_.size()) return {0, 0};
    const ChannelId first = first_channels_[instance];
    const size_t end = instance + 1 < first_channels_.size() ? first_channels_[instance + 1] : channel_count();
    return {first, end - first};
  }

  // The number over all instances of a channel of one of them; kNoChannel if the table has no such channel.
  static constexpr ChannelId kNoChannel = UINT32_MAX;
  ChannelId Find(InstanceId instance, uint32_t channel) const {
    const auto [first, count] = ChannelsOf(instance);
    return channel < count ? first + channel : kNoChannel;
  }

  // See Core::MappedChannels().
  std::vector<uint32_t> MappedChannels(ChannelId first, size_t count, bool as_targets) const;

  // For its queues and those of the core.
  QueueBudget &budget() { return budget_; }

  // Gives back memory that was not needed since the last call. Returns whether to call again. Not during a drain.
  bool Shrink();

  // Gives back the memory of an instance that has no channels any more.
  void Release(InstanceId instance);

  // The instance of a channel, and its number there.
  struct Owner {
    InstanceId instance;
    uint32_t index;
  };
  Owner OwnerOf(ChannelId channel) const {
    const auto next = std::upper_bound(first_channels_.begin(), first_channels_.end(), channel);
    if (next == first_channels_.begin()) return {kNoInstance, 0};
    return {static_cast<InstanceId>(next - first_channels_.begin() - 1), channel - *(next - 1)};
  }

  // Has what is delivered noted there; NULL for nowhere.
  void NoteIn(LiveTable *table) { live_ = table; }

  // How many events wait for an instance.
  size_t QueuedFor(InstanceId instance) const;

  // How many events filters have dropped, by operation.
  const uint64_t *filter_drops() const { return filters_.drops(); }

  bool empty() const { return turn_ == current_->slots.size() && next_->slots.empty(); }
  size_t channel_count() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }

  // Throws away all queued events.
  void Clear();

  // Events that were thrown away since the last call, because too many wait or memory is used up: how many for each
  // instance.
  bool has_losses() const { return lost_; }
  template <typename Tell>
  void TakeLosses(Tell &&tell) {
    lost_ = false;
    for (InstanceId slot = 1; slot < destinations_.size(); ++slot) {
      uint64_t count = 0;
      for (Round &round : rounds_) count += round.events[slot].TakeLost();
      if (count > 0) tell(slot - 1, count);
    }
  }

  // The feedback loop found since the last call, as channels each of whose handling emitted the next one's event (and
  // the last one's the first); empty if none was.
  bool loop_found() const { return tracer_.loop_found(); }
  std::vector<ChannelId> TakeLoop() { return tracer_.TakeLoop(); }

 private:
  static constexpr InstanceId kNoInstance = UINT32_MAX;

  // Inside, instances have slots: their numbers plus 1. Slot 0 belongs to the rows with filters: its buffer is always
  // full, so that they are found where a buffer has to grow, and cost nothing elsewhere.
  static constexpr InstanceId kFilterSlot = 0;
  static constexpr InstanceId SlotOf(InstanceId instance) { return instance + 1; }  // kFilterSlot of kWithFilters

  struct Round {
    std::vector<InstanceId> slots;    // those with events, in the order of their turns
    std::vector<EventBuffer> events;  // of every slot
  };

  // Those of the next round, to which one is about to be added.
  EventBuffer &EventsFor(InstanceId slot) {
    EventBuffer &events = next_->events[slot];
    // Each slot once, since one that is empty takes the event: so there is room for them all.
    if (events.empty()) next_->slots.push_back(slot);
    return events;
  }

  class Renumbering;

  // Where a row leads; kNoChannel for one that only notes.
  ChannelId ChannelOf(const Target &target) const {
    return target.instance == kFilterSlot ? filters_.pair(target.channel).target : target.channel;
  }

  // For a row with filters, or a buffer without room. Marked as cold, so that callers keep their variables in
  // registers.
  [[gnu::noinline, gnu::cold]] void EmitSlowly(const Target &target, double value);
  [[gnu::noinline, gnu::hot]] void EmitFiltered(uint32_t pair, double value);

  // What several sources emit, and how far that is: the row `target` of the source at `index`.
  struct Sources {
    const uint32_t *offsets;  // of the first of all
    const uint32_t *numbers;
    const double *values;
    size_t count;
  };
  struct Place {
    size_t index;
    const Target *target;
  };
  // The rows without filters from a place on, and those with. Returns false after the last row of all, otherwise true
  // with the place of the first row that is not of the kind.
  [[gnu::noinline, gnu::hot]] bool EmitPlain(const Sources &sources, Place &place);
  [[gnu::noinline, gnu::hot]] bool EmitFiltered(const Sources &sources, Place &place);
  void Queue(InstanceId slot, const Event &event) {
    if (!EventsFor(slot).Append(event)) lost_ = true;
  }

  double FilterTime() const override { return clock_ == nullptr ? 0.0 : clock_->FilterNow(); }
  void Filtered(const FilterPair &pair, double value) override { Queue(pair.slot, {pair.target, value}); }

  void StartRound();
  void RemoveEvents(InstanceId slot);
  [[gnu::noinline, gnu::cold]] void DeliverTraced(Destination &destination, const Event &event, bool is_last);
  [[gnu::noinline]] bool LookAtClock(uint64_t budget_ns);

  QueueBudget budget_;  // outlives the buffers
  std::vector<ChannelId> first_channels_;
  std::vector<uint32_t> offsets_;
  std::vector<Target> targets_;              // their instances are slots
  std::vector<Destination *> destinations_;  // of every slot

  Round rounds_[2];
  Round *current_ = &rounds_[0];
  Round *next_ = &rounds_[1];
  size_t turn_ = 0;      // in the current round, of the instance that is being served,
  size_t position_ = 0;  // and how many of its events have been delivered

  // Reading the clock costs half a handler call, so it is read after every `stride_` events: as many as are likely to
  // take some microseconds.
  static constexpr size_t kMaxStride = 64;
  static constexpr size_t kOutside = 16;
  bool expects_effects_ = false;
  size_t stride_ = 1;
  size_t until_clock_ = 0;  // how many events are left until then
  uint64_t drain_started_ = 0;
  uint64_t clock_read_ = 0;

  LiveTable *live_ = nullptr;

  LoopTracer tracer_;
  bool lost_ = false;  // events, since TakeLosses()

  const FilterClock *clock_ = nullptr;
  Filters filters_{*this, budget_};
};

}  // namespace mmpy

#endif
