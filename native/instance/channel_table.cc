#include "instance/channel_table.h"

#include <functional>

#include "routing/reserve.h"

namespace mmpy {

// The slot that holds `name`, or the free one where it belongs.
size_t ChannelTable::SlotOf(std::string_view name) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>{}(name)&mask;
  while (slots_[slot] != kNone && this->name(slots_[slot]) != name) slot = (slot + 1) & mask;
  return slot;
}

uint32_t ChannelTable::Find(std::string_view name) const { return slots_.empty() ? kNone : slots_[SlotOf(name)]; }

uint32_t ChannelTable::Add(std::string_view name) {
  if (slots_.size() < 2 * (ends_.size() + 1)) Grow();
  const size_t slot = SlotOf(name);
  if (slots_[slot] == kNone) {
    ReserveFor(ends_, ends_.size() + 1);  // what fails, fails before anything has changed
    names_.append(name);
    ends_.push_back(names_.size());
    slots_[slot] = size() - 1;
  }
  return slots_[slot];
}

void ChannelTable::Grow() {
  std::vector<uint32_t> grown(slots_.empty() ? 16 : 2 * slots_.size(), kNone);
  slots_.swap(grown);
  for (uint32_t i = 0; i < size(); ++i) slots_[SlotOf(name(i))] = i;
}

}  // namespace mmpy
