#include "router.h"

#include <uv.h>

#include <algorithm>
#include <utility>

namespace mmpy {

void Router::AddInstance(Destination *destination) {
  inboxes_.emplace_back();
  inboxes_.back().destination = destination;
}

void Router::Connect(std::vector<uint32_t> offsets, std::vector<Target> targets) {
  offsets_ = std::move(offsets);
  targets_ = std::move(targets);
}

void Router::StartRound() {
  round_.swap(ready_);
  ready_.clear();
  round_position_ = 0;
  next_ ^= 1;
  if (++rounds_without_rest_ >= LoopTracer::kSuspiciousRounds) tracer_.Start();
}

// One event alone, so that whatever is in the inboxes afterwards and was not before is its effect.
void Router::DeliverTraced(Inbox &inbox) {
  const Event event = inbox.events[next_ ^ 1][inbox.position++];
  std::vector<size_t> before;
  before.reserve(inboxes_.size());
  for (const Inbox &other : inboxes_) before.push_back(other.events[next_].size());
  inbox.destination->Deliver(&event, 1);
  // Taken for an effect of the round's last event, whose effect it is too.
  if (inbox.position == inbox.events[next_ ^ 1].size() && inbox.destination->put_off())
    inbox.destination->FinishRound();
  for (size_t i = 0; i < inboxes_.size(); ++i) {
    const EventBuffer &next = inboxes_[i].events[next_];
    for (size_t n = before[i]; n < next.size(); ++n) tracer_.Note(event.channel, next[n].channel);
  }
  tracer_.EndEvent();
}

// Whether the budget is used up.
bool Router::LookAtClock(uint64_t budget_ns) {
  constexpr uint64_t kSlowStride = 200'000;  // ns
  since_clock_ = 0;
  const uint64_t now = uv_hrtime();
  if (drain_started_ == 0) {
    // The first reading: these events' own time is unknown and not worth an earlier one.
    drain_started_ = clock_read_ = now;
    return false;
  }
  stride_ = now - clock_read_ > kSlowStride ? 1 : kLongStride;
  clock_read_ = now;
  return now - drain_started_ >= budget_ns;
}

Router::Drained Router::Drain(uint64_t budget_ns) {
  drain_started_ = 0;
  for (;;) {
    for (; round_position_ < round_.size(); ++round_position_) {
      Inbox &inbox = inboxes_[round_[round_position_]];
      EventBuffer &current = inbox.events[next_ ^ 1];
      while (inbox.position < current.size()) {
        if (since_clock_ >= stride_ && LookAtClock(budget_ns)) return Drained::kOutOfTime;
        if (tracer_.active()) {
          DeliverTraced(inbox);
          ++since_clock_;
          continue;
        }
        size_t count = current.size() - inbox.position;
        if (!inbox.destination->takes_whole_batches()) count = std::min(count, stride_);
        const Event *const events = current.data() + inbox.position;
        inbox.position += count;
        since_clock_ += count;
        inbox.destination->Deliver(events, count);
      }
      if (inbox.destination->put_off()) inbox.destination->FinishRound();
      current.Clear();
      inbox.position = 0;
    }
    if (ready_.empty()) {
      rounds_without_rest_ = 0;
      tracer_.Rest();
      return Drained::kEmpty;
    }
    StartRound();
  }
}

void Router::Clear() {
  for (Inbox &inbox : inboxes_) {
    for (EventBuffer &events : inbox.events) events.Clear();
    inbox.position = 0;
  }
  ready_.clear();
  round_.clear();
  round_position_ = 0;
}

}  // namespace mmpy
