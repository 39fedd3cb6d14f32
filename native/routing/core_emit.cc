// What JavaScript emits into a core.
#include <algorithm>
#include <cmath>

#include "routing/core.h"

namespace mmpy {

namespace {

// What JavaScript emits while it is told waits for the lock, but not all that there may be.
constexpr size_t kMaxIncoming = 65536;

}  // namespace

void Core::EmitFromOutside(const uint32_t *instances, const uint32_t *channels, const double *values, size_t count) {
  InstanceId counted = 0;  // events of one instance mostly come together
  uint64_t found = 0;
  const auto count_out = [&] {
    if (found > 0) instances_[counted]->counters.out += found;
    found = 0;
  };
  const auto count_one = [&](InstanceId instance) {
    if (instance != counted) count_out();
    counted = instance;
    ++found;
  };
  if (!telling_) {
    const Entry entry(*this, Entry::Purpose::kEmit);
    for (size_t i = 0; i < count; ++i) {
      const ChannelId source = router_.Find(instances[i], channels[i]);
      if (source != Router::kNoChannel) {
        count_one(instances[i]);
        Emit(source, values[i]);
      } else {
        SendToItself(instances[i], channels[i], values[i]);
      }
    }
    count_out();
    return;
  }
  // The lock would have to be taken for each of many calls, since this is between two times that it is needed anyway.
  for (size_t i = 0; i < count; ++i) {
    const ChannelId source = router_.Find(instances[i], channels[i]);
    if (source != Router::kNoChannel) {
      count_one(instances[i]);
      incoming_.Append({source, values[i]});
    } else if ((instances[i] & kToItself) != 0) {
      const Entry entry(*this);  // takes in what came before
      SendToItself(instances[i], channels[i], values[i]);
    }
  }
  count_out();
  if (incoming_.size() >= kMaxIncoming) const Entry entry(*this);
}

size_t Core::EmitFromOutside(InstanceId instance, const uint32_t *channels, const double *values, size_t count) {
  const auto [first, known] = router_.ChannelsOf(instance);
  // Not a branch for each event: nearly always all are sound, and then they go in one call.
  bool sound = true;
  for (size_t i = 0; i < count; ++i) sound &= channels[i] < known && values[i] >= 0 && values[i] <= 1;
  size_t left_out = 0;
  const auto emit = [&](auto &&take) {
    for (size_t i = 0; i < count; ++i) {
      if (channels[i] < known && !std::isnan(values[i])) {
        take(first + channels[i], std::clamp(values[i], 0.0, 1.0));
      } else {
        ++left_out;
      }
    }
  };
  if (telling_) {  // as above
    emit([&](ChannelId source, double value) { incoming_.Append({source, value}); });
    if (known > 0) instances_[instance]->counters.out += count - left_out;
    if (incoming_.size() >= kMaxIncoming) const Entry entry(*this);
    return left_out;
  }
  const Entry entry(*this, Entry::Purpose::kEmit);
  if (known > 0) instances_[instance]->counters.out += count;
  if (sound) {
    Emit(first, channels, values, count);
  } else {
    emit([&](ChannelId source, double value) { Emit(source, value); });
    if (known > 0) instances_[instance]->counters.out -= left_out;
  }
  return left_out;
}

// With the lock. An instance that the table does not have, or no longer, is not told.
void Core::SendToItself(InstanceId flagged, uint32_t channel, double value) {
  if ((flagged & kToItself) == 0) return;
  const InstanceId instance = flagged & ~kToItself;
  const ChannelId target = router_.Find(instance, channel);
  if (target != Router::kNoChannel) router_.Send({target, instance}, value);
}

// With the lock.
void Core::TakeIn() {
  for (size_t i = 0; i < incoming_.size(); ++i) Emit(incoming_[i].channel, incoming_[i].value);
  incoming_.Clear();
}

}  // namespace mmpy
