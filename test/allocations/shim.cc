// Preloaded into a process, lets one allocation fail: the n-th of the addon, or of the addon and CPython, on one thread from
// a moment on. Those of Node go through, since V8 ends the process where it gets no memory.
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <new>

extern "C" void *__libc_malloc(size_t);
extern "C" void *__libc_calloc(size_t, size_t);
extern "C" void *__libc_realloc(void *, size_t);

namespace {

struct Range {
  uintptr_t begin, end;
  bool holds(const void *address) const {
    const auto a = reinterpret_cast<uintptr_t>(address);
    return a >= begin && a < end;
  }
};

constexpr size_t kMax = 64;
Range failing[kMax], standard[2];  // whose allocations fail; libstdc++ and this library, which allocate for others
size_t failing_count = 0;
// Functions of CPython that do not survive it: their allocations, and those of what they call, go through when it is their turn.
Range left_out[kMax];
size_t left_out_count = 0;
thread_local bool armed = false;
thread_local long left = 0;
thread_local bool fired = false;

bool has(const char *name, const char *part) { return strstr(name, part) != nullptr; }

int Note(dl_phdr_info *info, size_t, void *data) {
  Range range = {UINTPTR_MAX, 0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto &header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (begin < range.begin) range.begin = begin;
    if (begin + header.p_memsz > range.end) range.end = begin + header.p_memsz;
  }
  const char *const name = info->dlpi_name;
  const bool python = *static_cast<const bool *>(data);
  if (has(name, "libstdc++")) standard[0] = range;
  if (has(name, "alloc-shim")) standard[1] = range;
  const bool fails = has(name, "midimonster_python") || (python && has(name, "libpython"));
  if (fails && failing_count < kMax) failing[failing_count++] = range;
  return 0;
}

bool IsOneThatFails(const void *address) {
  for (size_t i = 0; i < failing_count; ++i) {
    if (failing[i].holds(address)) return true;
  }
  return false;
}

bool IsLeftOut() {
  constexpr int kDeep = 256;  // the compiler calls itself
  void *frames[kDeep];
  const int count = left_out_count == 0 ? 0 : backtrace(frames, kDeep);
  for (int i = 0; i < count; ++i) {
    for (size_t j = 0; j < left_out_count; ++j) {
      if (left_out[j].holds(frames[i])) return true;
    }
  }
  return false;
}

bool IsStandard(const void *address) { return standard[0].holds(address) || standard[1].holds(address); }

// Whether the allocation that this address asks for is to fail.
bool Fails(const void *caller) {
  if (!armed) return false;
  armed = false;  // what is called here allocates itself
  bool counts = IsOneThatFails(caller);
  if (!counts && IsStandard(caller)) {
    void *frames[16];
    const int count = backtrace(frames, 16);
    int i = 0;
    while (i < count && IsStandard(frames[i])) ++i;
    counts = i < count && IsOneThatFails(frames[i]);
  }
  if (counts && --left == 0) {
    fired = true;
    return !IsLeftOut();
  }
  armed = true;
  return false;
}

void *New(size_t size, const void *caller) {
  void *const memory = Fails(caller) ? nullptr : __libc_malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void *NewAligned(size_t size, std::align_val_t alignment, const void *caller) {
  void *memory = nullptr;
  if (Fails(caller) || posix_memalign(&memory, static_cast<size_t>(alignment), size) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Returns whether there is such a function.
extern "C" int leave_out(const char *name) {
  void *const found = dlsym(RTLD_DEFAULT, name);
  Dl_info info;
  void *symbol = nullptr;
  if (found == nullptr || dladdr1(found, &info, &symbol, RTLD_DL_SYMENT) == 0 || symbol == nullptr) return 0;
  const auto begin = reinterpret_cast<uintptr_t>(found);
  if (left_out_count < kMax) left_out[left_out_count++] = {begin, begin + static_cast<const ElfW(Sym) *>(symbol)->st_size};
  return 1;
}

// The n-th allocation of this thread from now on fails; 0: none. Python: with CPython's. Returns whether the one before has
// failed.
extern "C" int fail_allocation(long n, int python) {
  armed = false;
  const bool was = fired;
  if (n > 0) {
    void *frames[2];
    backtrace(frames, 2);  // loads a library the first time
    failing_count = 0;
    const bool with_python = python != 0;
    dl_iterate_phdr(Note, const_cast<bool *>(&with_python));
  }
  left = n;
  fired = false;
  armed = n > 0;
  return was;
}

extern "C" void *malloc(size_t size) {
  return Fails(__builtin_return_address(0)) ? nullptr : __libc_malloc(size);
}
extern "C" void *calloc(size_t count, size_t size) {
  return Fails(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
extern "C" void *realloc(void *memory, size_t size) {
  return Fails(__builtin_return_address(0)) ? nullptr : __libc_realloc(memory, size);
}

void *operator new(size_t size) { return New(size, __builtin_return_address(0)); }
void *operator new[](size_t size) { return New(size, __builtin_return_address(0)); }
void *operator new(size_t size, std::align_val_t alignment) {
  return NewAligned(size, alignment, __builtin_return_address(0));
}
void *operator new[](size_t size, std::align_val_t alignment) {
  return NewAligned(size, alignment, __builtin_return_address(0));
}
void operator delete(void *memory) noexcept { free(memory); }
void operator delete[](void *memory) noexcept { free(memory); }
void operator delete(void *memory, size_t) noexcept { free(memory); }
void operator delete[](void *memory, size_t) noexcept { free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { free(memory); }
void operator delete[](void *memory, std::align_val_t) noexcept { free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept { free(memory); }
void operator delete[](void *memory, size_t, std::align_val_t) noexcept { free(memory); }
