// Running out of memory at will.
#ifndef MMPY_TEST_MEMORY_H
#define MMPY_TEST_MEMORY_H

#include <cstddef>
#include <cstdint>

namespace mmpy::test {

// While one exists, `new` fails for pieces of this size or larger. Expectations belong behind its end, since GoogleTest
// needs memory too.
class MemoryLimit {
 public:
  explicit MemoryLimit(size_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit &) = delete;
  MemoryLimit &operator=(const MemoryLimit &) = delete;
};

// How often memory has been asked for, with or without success.
uint64_t Allocations();

}  // namespace mmpy::test

#endif
