// A monotonic time that every thread can read: in ms for deadlines, in ns for calls that are due.
#ifndef MMPY_STEADY_MS_H
#define MMPY_STEADY_MS_H

#include <chrono>
#include <cstdint>

namespace mmpy {

inline uint64_t SteadyMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

inline uint64_t SteadyNs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace mmpy

#endif
