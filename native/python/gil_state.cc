#include "python/gil_state.h"

#include <limits.h>
#include <stdlib.h>

#include <memory>

namespace mmpy {

namespace {

// Whether this CPython stores the current state itself.
bool IsPythons() {
  const char *const version = Py_GetVersion();
  char *end = nullptr;
  const long major = strtol(version, &end, 10);
  const long minor = *end == '.' ? strtol(end + 1, nullptr, 10) : 0;
  return major > 3 || minor >= 12;
}

// In front of CPython's allocator: stores the current state first.
struct StoringAllocator {
  pthread_t thread;
  pthread_key_t key;
  PyMemAllocatorEx inner;
};

// Not destroyed, since other threads may be inside one of its functions when it is taken away.
StoringAllocator *spare = nullptr;

const PyMemAllocatorEx &Storing(void *context) {
  const StoringAllocator &storing = *static_cast<const StoringAllocator *>(context);
  if (pthread_equal(pthread_self(), storing.thread) != 0) {
    if (PyThreadState *const current = _PyThreadState_UncheckedGet()) pthread_setspecific(storing.key, current);
  }
  return storing.inner;
}

void *Allocate(void *context, size_t size) {
  const PyMemAllocatorEx &inner = Storing(context);
  return inner.malloc(inner.ctx, size);
}

void *AllocateZeroed(void *context, size_t count, size_t size) {
  const PyMemAllocatorEx &inner = Storing(context);
  return inner.calloc(inner.ctx, count, size);
}

void *Reallocate(void *context, void *memory, size_t size) {
  const PyMemAllocatorEx &inner = Storing(context);
  return inner.realloc(inner.ctx, memory, size);
}

void Free(void *context, void *memory) {
  const PyMemAllocatorEx &inner = static_cast<const StoringAllocator *>(context)->inner;
  inner.free(inner.ctx, memory);
}

}  // namespace

void GilState::Find() {
  if (IsPythons()) return;
  kind_ = Kind::kUnknown;
  void *const own = PyGILState_GetThisThreadState();
  if (own == nullptr) return;
  for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; ++key) {
    if (pthread_getspecific(key) != own) continue;
    // Something else may be stored under the same address: only CPython's key changes its answer.
    int probe = 0;
    if (pthread_setspecific(key, &probe) != 0) continue;
    const bool is_it = static_cast<void *>(PyGILState_GetThisThreadState()) == &probe;
    pthread_setspecific(key, own);
    if (!is_it) continue;
    key_ = key;
    kind_ = Kind::kFollowed;
    return;
  }
}

CreatingInterpreter::CreatingInterpreter(const GilState &state) {
  if (state.kind() != GilState::Kind::kFollowed || _PyThreadState_UncheckedGet == nullptr) return;
  StoringAllocator *const ours = spare != nullptr ? spare : std::make_unique<StoringAllocator>().release();
  spare = nullptr;
  ours->thread = pthread_self();
  ours->key = state.key_;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &ours->inner);
  PyMemAllocatorEx front = {ours, Allocate, AllocateZeroed, Reallocate, Free};
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &front);
  installed_ = ours;
}

CreatingInterpreter::~CreatingInterpreter() {
  if (installed_ == nullptr) return;
  auto *const ours = static_cast<StoringAllocator *>(installed_);
  PyMemAllocatorEx now;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &now);
  // Code that has run meanwhile may have put another one in front, which goes on to use this one: tracemalloc.start().
  if (now.ctx != ours) return;
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &ours->inner);
  spare = ours;
}

}  // namespace mmpy
