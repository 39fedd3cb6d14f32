// Rows with filters.
#include "routing/router.h"

namespace mmpy {

void Router::EmitFiltered(uint32_t index, double value) {
  const FilterPair &pair = filters_.pair(index);
  value = filters_.Event(index, pair, value);
  if (value < 0.0) {
    filters_.CountDrop(value);
    return;
  }
  EventBuffer &events = EventsFor(pair.slot);
  if (events.has_room()) return events.Put({pair.target, value});
  EmitSlowly({pair.target, pair.slot}, value);
}

bool Router::EmitFiltered(const Sources &sources, Place &place) {
  InstanceId slot = kFilterSlot;
  EventBuffer *events = &next_->events[slot];
  EventBuffer::Tail tail = events->tail();
  const Target *const targets = targets_.data();
  const auto [offsets, numbers, values, count] = sources;
  const Target *target = place.target;
  for (size_t i = place.index;;) {
    const Target *const end = targets + offsets[numbers[i] + 1];
    for (; target != end; ++target) {
      if (target->instance != kFilterSlot) {
        events->SetTail(tail);
        place = {i, target};
        return true;
      }
      const FilterPair &pair = filters_.pair(target->channel);
      double value = values[i];
      if (filters_.is_quick(pair)) {
        value = filters_.QuickEvent(pair, value);
      } else {
        events->SetTail(tail);  // others may be queued there
        value = filters_.Event(target->channel, pair, value);
        tail = events->tail();
      }
      if (value < 0.0) {
        filters_.CountDrop(value);
        continue;
      }
      if (pair.slot != slot) {
        events->SetTail(tail);
        slot = pair.slot;
        events = &EventsFor(slot);
        tail = events->tail();
      }
      if (tail.next != tail.end) {
        *tail.next++ = {pair.target, value};
      } else {
        events->SetTail(tail);
        EmitSlowly({pair.target, pair.slot}, value);
        tail = events->tail();
      }
    }
    if (++i == count) break;
    target = targets + offsets[numbers[i]];
  }
  events->SetTail(tail);
  return false;
}

}  // namespace mmpy
