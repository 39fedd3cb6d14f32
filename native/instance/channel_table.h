// The channel names of one python instance, and the lookup from a name to its index.
#ifndef MMPY_CHANNEL_TABLE_H
#define MMPY_CHANNEL_TABLE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mmpy {

class ChannelTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The index of `name`, or kNone.
  uint32_t Find(std::string_view name) const;

  // The index of `name`, which is added at the end if it is new.
  uint32_t Add(std::string_view name);

  uint32_t size() const { return static_cast<uint32_t>(ends_.size()); }

  // Valid until the next Add().
  std::string_view name(uint32_t index) const {
    const size_t start = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(names_).substr(start, ends_[index] - start);
  }

 private:
  size_t SlotOf(std::string_view name) const;
  void Grow();

  std::string names_;            // all names, one after the other
  std::vector<size_t> ends_;     // where each ends
  std::vector<uint32_t> slots_;  // open addressing with linear probing; its size is a power of two
};

}  // namespace mmpy

#endif
