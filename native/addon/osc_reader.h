// Has OSC datagrams that need no JavaScript emit their events.
#ifndef MMPY_OSC_READER_H
#define MMPY_OSC_READER_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "addon/js_bridge.h"
#include "addon/udp_bridge.h"
#include "io/osc_table.h"

namespace mmpy {

class OscReader final : public DatagramReader {
 public:
  OscReader(std::weak_ptr<JsBridge> core, InstanceId instance, OscTable table)
      : core_(std::move(core)), instance_(instance), table_(std::move(table)) {}

  bool Take(const uint8_t *data, size_t size) override {
    const std::shared_ptr<JsBridge> bridge = core_.lock();
    if (bridge == nullptr || !bridge->core().running()) return false;
    events_.Clear();
    if (!table_.Read(data, size, &events_)) return false;
    if (events_.size() > 0) {
      // Each datagram is an entry of its own: many may follow one another before JavaScript runs again, and their
      // events are not to wait for that.
      const Core::Entry entry(bridge->core());
      bridge->core().EmitFromOutside(instance_, events_.channels.data(), events_.values.data(), events_.size());
    }
    return true;
  }

 private:
  const std::weak_ptr<JsBridge> core_;
  const InstanceId instance_;
  OscTable table_;
  OscTable::Events events_;
};

}  // namespace mmpy

#endif
