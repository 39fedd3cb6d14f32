// The rest of the router, as seen by the core of an instance's process: what the instance outputs goes into the ring,
// and what the ring brings is emitted here.
#ifndef MMPY_CHILD_ELSEWHERE_H
#define MMPY_CHILD_ELSEWHERE_H

#include "child/wake.h"
#include "process/ring.h"
#include "routing/core.h"

namespace mmpy {

class Elsewhere final : public Destination {
 public:
  Elsewhere(Core &core, RingMemory &ring, int wake_fd) : waiting_(&core.budget()), writer_(ring), wake_fd_(wake_fd) {
    takes_whole_batches_ = true;
  }

  void Connected(ChannelId first, size_t /*count*/) override { first_ = first; }
  ChannelId first() const { return first_; }

  void Deliver(const Event *events, size_t count) override {
    for (size_t i = 0; i < count; ++i) {
      const uint32_t channel = events[i].channel - first_;
      if (!waiting_.empty() || !writer_.Add(channel, events[i].value, trail_))
        waiting_.Append({channel, events[i].value});
    }
    deferred_ = true;
  }

  void FinishRound() override {
    deferred_ = false;
    Flush();
  }

  // What is output from now on is an effect of.
  void SetTrail(Trail trail) { trail_ = trail; }

  // There are events that wait for room, which would be lost with this process.
  bool waits() const { return !waiting_.empty(); }

  // Passes on what has waited for room.
  void Flush() {
    do {
      while (sent_ < waiting_.size() && writer_.Add(waiting_[sent_].channel, waiting_[sent_].value, trail_)) {
        ++sent_;
      }
      if (sent_ == waiting_.size()) {
        waiting_.Clear();
        sent_ = 0;
      }
      if (writer_.Publish()) WakeUp(wake_fd_);
    } while (!waiting_.empty() && !writer_.AwaitRoom() && !writer_.broken());
  }

 private:
  ChannelId first_ = 0;
  EventBuffer waiting_;  // its channels are those of the instance
  size_t sent_ = 0;      // of those
  Trail trail_ = 0;
  RingWriter writer_;
  const int wake_fd_;
};

}  // namespace mmpy

#endif
