#include "router.h"

#include <uv.h>

#include <algorithm>
#include <utility>

namespace mmpy {

void Router::AddInstance(Destination *destination) {
  inboxes_.emplace_back();
  inboxes_.back().destination = destination;
  inboxes_.back().whole_batches = destination->wants_whole_batches();
}

void Router::Connect(std::vector<uint32_t> offsets, std::vector<Target> targets) {
  offsets_ = std::move(offsets);
  targets_ = std::move(targets);
}

void Router::StartRound() {
  round_.swap(ready_);
  ready_.clear();
  round_position_ = 0;
  for (const InstanceId instance : round_) {
    Inbox &inbox = inboxes_[instance];
    inbox.current.swap(inbox.next);
    inbox.next.clear();
    inbox.position = 0;
  }
  if (++rounds_without_rest_ >= LoopTracer::kSuspiciousRounds) tracer_.Start();
}

size_t Router::DeliverSome(Inbox &inbox) {
  size_t count = inbox.current.size() - inbox.position;
  if (!inbox.whole_batches) count = std::min(count, stride_);
  const Event *events = inbox.current.data() + inbox.position;
  inbox.position += count;
  inbox.destination->Deliver(events, count);
  return count;
}

// One event alone, so that whatever is in the inboxes afterwards and was not before is its effect.
void Router::DeliverTraced(Inbox &inbox) {
  const Event event = inbox.current[inbox.position++];
  std::vector<size_t> before;
  before.reserve(inboxes_.size());
  for (const Inbox &other : inboxes_) before.push_back(other.next.size());
  inbox.destination->Deliver(&event, 1);
  for (size_t i = 0; i < inboxes_.size(); ++i) {
    for (size_t n = before[i]; n < inboxes_[i].next.size(); ++n) {
      tracer_.Note(event.channel, inboxes_[i].next[n].channel);
    }
  }
  tracer_.EndEvent();
}

bool Router::OutOfTime(uint64_t budget_ns) {
  constexpr uint64_t kSlowStride = 200'000;  // ns
  if (since_clock_ < stride_) return false;
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
    while (round_position_ < round_.size()) {
      Inbox &inbox = inboxes_[round_[round_position_]];
      if (inbox.position == inbox.current.size()) {
        ++round_position_;
        continue;
      }
      if (OutOfTime(budget_ns)) return Drained::kOutOfTime;
      if (tracer_.active()) {
        DeliverTraced(inbox);
        ++since_clock_;
      } else {
        since_clock_ += DeliverSome(inbox);
      }
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
    inbox.current.clear();
    inbox.next.clear();
    inbox.position = 0;
  }
  ready_.clear();
  round_.clear();
  round_position_ = 0;
}

}  // namespace mmpy
