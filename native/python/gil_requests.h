// Makes Python threads hand over the GIL to the loop's thread, whatever interpreter they are of.
//
// A thread that computes gives the GIL up after some milliseconds if another one asks for it. But up to CPython 3.12 it
// hears only those that ask with a thread state of its own interpreter, and the loop's thread can ask with one at a
// time. So where the loop's thread does not come out of the core for long, others ask: for every interpreter that has
// threads, a thread that takes the GIL and releases it, again and again, until the loop's thread is out.
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

  // Starts looking after the loop's thread, once in the life of the process.
  void Start();

  // A new interpreter, with the thread state that the loop's thread has in it.
  void Add(PyInterpreterState *interpreter, PyThreadState *own);

  // Waits until no thread asks in this interpreter any more, so that it can end. To be called without the GIL, for
  // which those who ask are waiting.
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
