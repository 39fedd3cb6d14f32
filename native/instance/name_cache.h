// Finds a channel by the identity of the Python string that names it, before any hashing: most calls name a channel
// with the same string object, a constant of the calling function. Four entries of the same hash lie together, a cache
// line, so that names hardly ever push each other out. An entry owns its string, so that no other string can come to
// life at its address; names that are made again for every call would be kept without end, so there are at most
// eight entries a channel, or 512.
#ifndef MMPY_NAME_CACHE_H
#define MMPY_NAME_CACHE_H

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "python/py_ref.h"

namespace mmpy {

class NameCache {
 public:
  // The channel that this very string was last found to name, or `otherwise`.
  uint32_t Find(PyObject *name, uint32_t otherwise) const {
    const Set &set = sets_[IndexOf(name)];
    for (const Entry &entry : set.entries) {
      if (entry.name.get() == name) return entry.channel;
    }
    return otherwise;
  }

  // For Find() soon.
  [[gnu::always_inline]] void Prefetch(PyObject *name) const { __builtin_prefetch(&sets_[IndexOf(name)]); }

  // `channels`: how many there are.
  void Remember(PyObject *name, uint32_t channel, size_t channels) {
    if (++names_ > sets_.size() && sets_.size() < channels && bits_ < max_bits_) Grow();
    // What is pushed out leaves last: dropping a string may run code of a str subclass that comes back here.
    const Entry pushed_out = Put({PyRef::Borrow(name), channel});
  }

  // Forgets without releasing, for when the GIL can't be had.
  void Abandon() {
    for (Set &set : sets_) {
      for (Entry &entry : set.entries) entry.name.release();
    }
  }

  // The same without becoming smaller, which takes memory.
  void Empty() {
    for (Set &set : sets_) {
      for (Entry &entry : set.entries) {
        const PyRef name = std::exchange(entry.name, {});
      }
    }
    names_ = 0;
  }

  // It is empty and not used any more.
  void Free() { std::vector<Set>().swap(sets_); }

  void Clear() {
    const std::vector<Set> before = Resize(kMinBits);
    names_ = 0;
  }

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kPage = 4096;
  static constexpr size_t kMinStringSize = 64;  // bytes
  static constexpr size_t kSetsAPage = kPage / kMinStringSize;
  static constexpr unsigned kSetsAPageBits = 6;
  static constexpr unsigned kMinBits = kSetsAPageBits + 1;
  static constexpr unsigned kMaxBits = 17;  // 8 MiB
  struct Entry {
    PyRef name;
    uint32_t channel = 0;
  };
  struct alignas(64) Set {
    Entry entries[kWays];
  };

  // Names that are made together lie together in memory, and within a page so they do here: then the events of a large
  // round, which come in that order, find the next set where the processor looks for it. Pages are spread (Fibonacci
  // hashing). Measured with 65,536 names: a random order takes 85 ns more a name.
  size_t IndexOf(PyObject *name) const {
    const auto address = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(name));
    const uint64_t page = ((address / kPage) * 0x9E3779B97F4A7C15u) >> shift_;
    return page * kSetsAPage + address % kPage / kMinStringSize;
  }

  // Returns what was in its place, if anything.
  Entry Put(Entry entry) {
    Set &set = sets_[IndexOf(entry.name.get())];
    Entry *place = set.entries;
    while (place != set.entries + kWays && place->name) ++place;
    if (place == set.entries + kWays) place = set.entries + (next_victim_++ % kWays);
    std::swap(*place, entry);
    return entry;
  }

  // Each set becomes two, so no entry pushes out another one.
  void Grow() {
    try {
      const std::vector<Set> before = Resize(bits_ + 1);
      for (const Set &set : before) {
        for (const Entry &entry : set.entries) {
          if (entry.name) Put(entry);
        }
      }
    } catch (const std::bad_alloc &) {
      max_bits_ = bits_;  // it works at any size
    }
  }

  // Begins again with this size; returns what there was.
  std::vector<Set> Resize(unsigned bits) {
    std::vector<Set> sets(size_t{1} << bits);
    bits_ = bits;
    shift_ = 64 - (bits - kSetsAPageBits);
    sets_.swap(sets);
    return sets;
  }

  std::vector<Set> sets_ = std::vector<Set>(size_t{1} << kMinBits);
  unsigned bits_ = kMinBits;
  unsigned shift_ = 64 - (kMinBits - kSetsAPageBits);
  unsigned max_bits_ = kMaxBits;
  size_t names_ = 0;  // that were remembered; more than there are, once some were pushed out
  unsigned next_victim_ = 0;
};

}  // namespace mmpy

#endif
