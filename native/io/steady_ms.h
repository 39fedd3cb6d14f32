// A monotonic time in ms that every thread can read, for deadlines.
#ifndef MMPY_STEADY_MS_H
#define MMPY_STEADY_MS_H

#include <chrono>
#include <cstdint>

namespace mmpy {

inline uint64_t SteadyMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace mmpy

#endif
