// Finds a channel by the identity of the Python string that names it, before any hashing: most calls name a channel
// with the same string object, a constant of the calling function. Direct-mapped; an entry owns its string, so that no
// other string can come to life at its address.
#ifndef MMPY_NAME_CACHE_H
#define MMPY_NAME_CACHE_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "py_ref.h"

namespace mmpy {

class NameCache {
 public:
  // Makes room for the names of `channels` channels.
  void Reserve(size_t channels) {
    size_t size = kSmallest;
    while (size < 2 * channels && size < kLargest) size *= 2;
    if (size > entries_.size()) entries_ = std::vector<Entry>(size);
  }

  // The channel that this very string was last found to name, or `otherwise`.
  uint32_t Find(PyObject *name, uint32_t otherwise) const {
    const Entry &entry = entries_[Slot(name)];
    return entry.name.get() == name ? entry.channel : otherwise;
  }

  void Remember(PyObject *name, uint32_t channel) {
    Entry &entry = entries_[Slot(name)];
    entry.channel = channel;
    // The old string leaves last: dropping it may run code of a str subclass that comes back here.
    PyRef old = PyRef::Borrow(name);
    std::swap(entry.name, old);
  }

  // Forgets without releasing, for when the GIL can't be had.
  void Abandon() {
    for (Entry &entry : entries_) entry.name.release();
  }

  void Clear() {
    std::vector<Entry> old(kSmallest);
    entries_.swap(old);
  }

 private:
  static constexpr size_t kSmallest = 64;
  static constexpr size_t kLargest = size_t{1} << 17;
  struct Entry {
    PyRef name;
    uint32_t channel = 0;
  };

  // Objects lie at multiples of 16, and small strings mostly 48 to 64 bytes apart.
  size_t Slot(PyObject *name) const {
    const auto address = reinterpret_cast<uintptr_t>(name);
    return ((address >> 4) ^ (address >> 12)) & (entries_.size() - 1);
  }

  std::vector<Entry> entries_ = std::vector<Entry>(kSmallest);
};

}  // namespace mmpy

#endif
