// Fetches what handlers need into the processor's caches some events before their turn.
//
// A handler is a function object, its code and the names it outputs to, a kilobyte here and there. Of tens of thousands
// of handlers, each used once a round, none of that is in a cache any more, and waiting for it takes longer than
// running it. Which events come next is known, so it can be fetched meanwhile. For instances with fewer handlers that
// would only cost.
//
// All it keeps are addresses to fetch from, which are never read: their objects may be gone.
#ifndef MMPY_LOOKAHEAD_H
#define MMPY_LOOKAHEAD_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "instance/name_cache.h"
#include "python/api.h"

namespace mmpy {

class Lookahead {
 public:
  // With more handlers than these it pays. Measured where a core has 1 MiB of cache and all share 32: it costs 1.5 ns
  // an event for 2,048 and nothing for 8,192, and saves 8 ns for 16,384 and 30 ns for 65,536; smaller machines run out
  // of caches earlier.
  static constexpr size_t kManyHandlers = 4096;
  // How many events before. From 4 to 12 it makes no difference.
  static constexpr uint32_t kEvents = 6;

  // Begins for so many channels, or ends with 0.
  void Reset(size_t channels) { std::vector<Hint>(channels).swap(hints_); }
  bool active() const { return !hints_.empty(); }

  // Where the code of a channel's handler is, and the constants in it.
  void SetCode(uint32_t channel, PyObject *code, PyObject *constants) {
    hints_[channel].code = code;
    hints_[channel].constants = constants;
  }

  // The handler of a channel has output to this name, and so will again.
  void Note(uint32_t channel, PyObject *name) {
    if (hints_[channel].name != name) hints_[channel].name = name;
  }

  // Inlined early, since GCC takes a function that only fetches for one that does nothing.
  [[gnu::always_inline]] void Fetch(uint32_t channel, PyObject *handler, const NameCache &names) const {
    const Hint &hint = hints_[channel];
    FetchBytes<3>(handler);
    FetchBytes<4>(hint.code);
    __builtin_prefetch(hint.constants);
    __builtin_prefetch(hint.name, 1);
    names.Prefetch(hint.name);
  }

 private:
  struct Hint {
    PyObject *code = nullptr;
    PyObject *constants = nullptr;
    PyObject *name = nullptr;
  };

  // The first is written to: it has the reference count.
  template <int kLines>
  [[gnu::always_inline]] static void FetchBytes(const void *start) {
    constexpr int kLine = 64;
    const auto address = reinterpret_cast<uintptr_t>(start);  // maybe of nothing
    __builtin_prefetch(start, 1);
    for (int i = 1; i < kLines; ++i) __builtin_prefetch(reinterpret_cast<const void *>(address + i * kLine));
  }

  std::vector<Hint> hints_;
};

}  // namespace mmpy

#endif
