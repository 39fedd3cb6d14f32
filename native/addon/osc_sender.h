// Has the events of an OSC instance sent without JavaScript.
#ifndef MMPY_OSC_SENDER_H
#define MMPY_OSC_SENDER_H

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "addon/js_bridge.h"
#include "addon/udp_bridge.h"
#include "io/osc_messages.h"

namespace mmpy {

class OscSender final : public BatchTaker {
 public:
  // `output` is binding.d.ts' OscOutput, which has the tables.
  OscSender(UdpBridge &bridge, const std::vector<UdpAddress> &targets, const OscMessages::Tables &tables,
            Napi::Object output)
      : bridge_(bridge),
        opened_(bridge.opened()),
        messages_(tables),
        output_(Napi::Persistent(output)),
        unsent_(Napi::Persistent(output.Get("unsent").As<Napi::Function>())) {
    for (const UdpAddress &target : targets) targets_.push_back({target, 0, 0});
  }

  bool IsSound() const { return messages_.IsSound(); }

  bool Take(const uint32_t *channels, const double *values, size_t count) override {
    if (!bridge_.socket().is_open() || bridge_.opened() != opened_) return false;
    bool all_sent = true;
    messages_.Take(channels, values, count, [&](const uint8_t *data, size_t size) {
      for (Target &target : targets_) {
        const int status = bridge_.socket().Send(target.address, data, size);
        if (status == 0) continue;
        target.error = -status;
        ++target.unsent;
        all_sent = false;
      }
    });
    if (!all_sent) TellUnsent();
    return true;
  }

 private:
  struct Target {
    UdpAddress address;
    int error;
    size_t unsent;  // that have not been told of
  };

  void TellUnsent() {
    for (size_t i = 0; i < targets_.size(); ++i) {
      const size_t unsent = std::exchange(targets_[i].unsent, 0);
      if (unsent == 0) continue;
      bridge_.Call(unsent_,
                   {static_cast<double>(i), static_cast<double>(targets_[i].error), static_cast<double>(unsent)});
    }
  }

  UdpBridge &bridge_;
  const uint64_t opened_;  // which opening of it
  OscMessages messages_;
  std::vector<Target> targets_;
  const Napi::ObjectReference output_;
  const Napi::FunctionReference unsent_;
};

}  // namespace mmpy

#endif
