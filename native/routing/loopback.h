// A loopback instance: every event that comes in goes out again on the same channel.
#ifndef MMPY_LOOPBACK_H
#define MMPY_LOOPBACK_H

#include "routing/core.h"

namespace mmpy {

class Loopback final : public Destination {
 public:
  explicit Loopback(Core &core) : core_(core) { reflects_ = true; }

  void Deliver(const Event *events, size_t count) override {
    counters.out += count;
    for (size_t i = 0; i < count; ++i) core_.Emit(events[i].channel, events[i].value);
  }

 private:
  Core &core_;
};

}  // namespace mmpy

#endif
