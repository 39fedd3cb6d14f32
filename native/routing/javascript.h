// A JavaScript instance: its events wait until control leaves the core, since JavaScript may do anything, including
// changing the core, and must not wait for Python's lock or hold it.
#ifndef MMPY_JAVASCRIPT_H
#define MMPY_JAVASCRIPT_H

#include "routing/core.h"

namespace mmpy {

class Javascript final : public Destination {
 public:
  Javascript(Core &core, InstanceId id) : core_(core), outgoing_{id, 0, EventColumns(&core.budget())} {
    takes_whole_batches_ = true;
    is_outside_ = true;
  }

  void Connected(ChannelId first, size_t count) override {
    outgoing_.first_channel = first;
    if (count == 0) outgoing_.events.Clear();  // as the router does with its events
  }
  void Retire(uint64_t /*until_ms*/) override { outgoing_.events.Free(); }

  void Deliver(const Event *events, size_t count) override {
    if (!outgoing_.is_queued) core_.Send(outgoing_);
    outgoing_.events.Append(outgoing_.first_channel, events, count);
  }

 private:
  Core &core_;
  Outgoing outgoing_;
};

}  // namespace mmpy

#endif
