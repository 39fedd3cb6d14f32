// Prefetches the memory that handlers need into the processor's caches, some events before their turn.
//
// A handler is a function object, its code and the names it outputs to: a kilobyte in various places. With tens of
// thousands of handlers, each used once a round, none of that is still in a cache, and waiting for it takes longer than
// running it. The next events are known, so it can be fetched in advance. With fewer handlers this would only cost
// time.
//
// It only keeps addresses to prefetch, which are never dereferenced; they may be stale.
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
  // Used with more handlers than this. Measured on a machine with 1 MiB of cache per core and 32 MiB shared: per event
  // it costs 1.5 ns with 2,048 handlers and nothing with 8,192, and saves 8 ns with 16,384 and 30 ns with 65,536;
  // smaller machines run out of cache earlier.
  static constexpr size_t kManyHandlers = 4096;
  // The number of events to look ahead. Any number from 4 to 12 works equally well.
  static constexpr uint32_t kEvents = 6;

  // Starts for this number of channels, or stops with 0.
  void Reset(size_t channels) { std::vector<Hint>(channels).swap(hints_); }
  bool active() const { return !hints_.empty(); }

  // The addresses of a channel's handler's code and of its constants.
  void SetCode(uint32_t channel, PyObject *code, PyObject *constants) {
    hints_[channel].code = code;
    hints_[channel].constants = constants;
  }

  // The handler of a channel has output to this name, and probably will again.
  void Note(uint32_t channel, PyObject *name) {
    if (hints_[channel].name != name) hints_[channel].name = name;
  }

  // Inlined early, since GCC removes calls of a function that only prefetches.
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

  // The first line will be written to: it has the reference count.
  template <int kLines>
  [[gnu::always_inline]] static void FetchBytes(const void *start) {
    constexpr int kLine = 64;
    const auto address = reinterpret_cast<uintptr_t>(start);  // may be stale
    __builtin_prefetch(start, 1);
    for (int i = 1; i < kLines; ++i) __builtin_prefetch(reinterpret_cast<const void *>(address + i * kLine));
  }

  std::vector<Hint> hints_;
};

}  // namespace mmpy

#endif
