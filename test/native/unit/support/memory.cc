#include "support/memory.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<size_t> limit{SIZE_MAX};
std::atomic<uint64_t> allocations{0};

void *Allocate(size_t size, size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (size >= limit.load(std::memory_order_relaxed)) throw std::bad_alloc();
  void *memory = nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) {
    memory = malloc(size);
  } else if (posix_memalign(&memory, alignment, size) != 0) {
    memory = nullptr;
  }
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

namespace mmpy::test {

MemoryLimit::MemoryLimit(size_t bytes) { limit = bytes; }
MemoryLimit::~MemoryLimit() { limit = SIZE_MAX; }
uint64_t Allocations() { return allocations.load(std::memory_order_relaxed); }

}  // namespace mmpy::test

// All of them, since sanitizers check that memory goes the way it came.
void *operator new(size_t size) { return Allocate(size, 0); }
void *operator new[](size_t size) { return Allocate(size, 0); }
void *operator new(size_t size, std::align_val_t alignment) { return Allocate(size, static_cast<size_t>(alignment)); }
void *operator new[](size_t size, std::align_val_t alignment) { return Allocate(size, static_cast<size_t>(alignment)); }
void operator delete(void *memory) noexcept { free(memory); }
void operator delete[](void *memory) noexcept { free(memory); }
void operator delete(void *memory, size_t) noexcept { free(memory); }
void operator delete[](void *memory, size_t) noexcept { free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { free(memory); }
void operator delete[](void *memory, std::align_val_t) noexcept { free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept { free(memory); }
void operator delete[](void *memory, size_t, std::align_val_t) noexcept { free(memory); }
