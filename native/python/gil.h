// The GIL and the thread states that hold it, for the one thread that owns CPython in this process.
//
// The rule, stated once: native code takes the GIL when libuv or JavaScript enters it, keeps it for the whole drain of
// the event queue, swaps the thread state only when the destination instance changes, and releases the GIL before
// control goes back to libuv, so that Python's own threads run while the core idles. A GilScope is that rule as a type;
// on the loop's thread nothing else in the addon calls PyEval_* or PyThreadState_Swap.
#ifndef MMPY_GIL_H
#define MMPY_GIL_H

#include <atomic>
#include <cstdint>

#include "python/api.h"
#include "python/gil_state.h"

namespace mmpy {

class Gil {
 public:
  // Makes `state` the current thread state, taking the GIL if this thread does not hold it.
  void SwitchTo(PyThreadState *state) {
    if (state == current_) return;
    stored_.Store(state);
    if (current_ == nullptr) {
      stay_.store(++stays_, std::memory_order_relaxed);
      PyEval_RestoreThread(state);
    } else {
      PyThreadState_Swap(state);
    }
    current_ = state;
  }

  // Releases the GIL if this thread holds it.
  void Release() {
    if (current_ == nullptr) return;
    Pause();
    stay_.store(0, std::memory_order_relaxed);
  }

  // Releases it in order to wait for another thread; the stay continues.
  void Pause() {
    PyEval_SaveThread();
    current_ = nullptr;
  }

  PyThreadState *current() const { return current_; }

  // The number of the current stay, from requesting the GIL until releasing it; 0 if there is none. May be called from
  // any thread.
  uint64_t stay() const { return stay_.load(std::memory_order_relaxed); }

  // Records a change made by CPython: Py_InitializeEx and Py_NewInterpreter leave their new state current.
  void Adopt(PyThreadState *state) {
    stored_.Store(state);
    current_ = state;
  }

  GilState &stored() { return stored_; }

 private:
  GilState stored_;
  PyThreadState *current_ = nullptr;
  uint64_t stays_ = 0;
  std::atomic<uint64_t> stay_{0};
};

// Holds the GIL with one thread state for a scope; scopes nest, even across interpreters. At its end, the previous
// state is current again, or the GIL is released if there was none.
class GilScope {
 public:
  GilScope(Gil &gil, PyThreadState *state) : gil_(gil), before_(gil.current()) { gil_.SwitchTo(state); }
  ~GilScope() {
    if (before_ != nullptr) {
      gil_.SwitchTo(before_);
    } else {
      gil_.Release();
    }
  }
  GilScope(const GilScope &) = delete;
  GilScope &operator=(const GilScope &) = delete;

 private:
  Gil &gil_;
  PyThreadState *before_;
};

}  // namespace mmpy

#endif
