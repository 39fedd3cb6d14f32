// The lock under which instances with threads use the core: Python's GIL. This interface is all that the core knows of
// Python.
#ifndef MMPY_CODE_LOCK_H
#define MMPY_CODE_LOCK_H

#include <cstdint>

namespace mmpy {

// One instance's way to take the lock. All of them take the same lock.
class CodeLock {
 public:
  virtual ~CodeLock() = default;

  // False before the instance's code can run, and once it no longer can.
  virtual bool usable() const = 0;

  virtual void Take() = 0;
  virtual void Release() = 0;

  // Whether the instance's code has threads other than the loop's. To be called with the lock.
  virtual bool HasThreads() const = 0;

  // Waits until no thread of ours looks at the instances' code from outside, as a watchdog does: it may still be at
  // code that has returned. Without the lock, which it may be waiting for.
  virtual void AwaitObservers() {}

  // How often a thread had to be forced to hand over the lock.
  virtual uint64_t requests() const = 0;
};

}  // namespace mmpy

#endif
