// Makes Python threads of any interpreter hand over the GIL to the loop's thread.
//
// A busy thread releases the GIL after some milliseconds if another one requests it. But up to CPython 3.12 it honours
// only requests from thread states of its own interpreter, and the loop's thread can use only one at a time. So if the
// loop's thread does not leave the core for long, others request it: for every interpreter that has threads, a thread
// that repeatedly takes and releases the GIL until the loop's thread has left.
#ifndef MMPY_GIL_REQUESTS_H
#define MMPY_GIL_REQUESTS_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

#include "python/api.h"
#include "python/gil.h"

namespace mmpy {

class GilRequests {
 public:
  explicit GilRequests(const Gil &gil) : gil_(gil) {}

  // Starts watching the loop's thread, once per process.
  void Start();

  // Adds a new interpreter, with the loop's thread's state in it.
  void Add(PyInterpreterState *interpreter, PyThreadState *own);

  // Waits until no request is made in this interpreter any more, so that it can end. To be called without the GIL, for
  // which the requesting threads are waiting.
  void Remove(PyInterpreterState *interpreter);

  // How often requests were necessary.
  uint64_t made() const { return made_.load(std::memory_order_relaxed); }

 private:
  struct Known {
    PyThreadState *own;
    bool asking = false;
    bool leaving = false;
  };
  void Run();
  void Make(uint64_t stay);
  void Ask(PyInterpreterState *interpreter, Known &known, uint64_t stay);

  const Gil &gil_;
  std::mutex mutex_;
  std::condition_variable one_is_done_;
  std::map<PyInterpreterState *, Known> known_;
  std::atomic<uint64_t> made_{0};
};

}  // namespace mmpy

#endif
