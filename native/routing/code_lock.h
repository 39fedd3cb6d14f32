// The lock under which instances whose code has threads of its own use the core: Python's GIL. What the core needs to
// know of it, and all that it knows of Python.
#ifndef MMPY_CODE_LOCK_H
#define MMPY_CODE_LOCK_H

#include <cstdint>

namespace mmpy {

// The way into the lock that one instance offers. Whichever way it was taken, it is one lock.
class CodeLock {
 public:
  virtual ~CodeLock() = default;

  // False before the instance's code can run, and once it can't any more.
  virtual bool usable() const = 0;

  virtual void Take() = 0;
  virtual void Release() = 0;

  // Whether the instance's code has threads beside the loop's. With the lock.
  virtual bool HasThreads() const = 0;

  // How often a thread had to be made to hand the lock over.
  virtual uint64_t requests() const = 0;
};

}  // namespace mmpy

#endif
