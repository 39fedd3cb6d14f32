// Which thread state PyGILState_Ensure() finds on the loop's thread.
//
// C code that calls Python back (ctypes, pybind11, Cython, GLib's bindings, tracemalloc) asks for the GIL with
// PyGILState_Ensure(). It takes the thread state that CPython has stored for the thread, and up to 3.11 that is the
// first one of a thread: on the loop's thread the main interpreter's. In an instance, which has another interpreter, it
// then waits for a GIL that its own thread holds: forever. From 3.12 on CPython stores the state that was made current
// last; this class does the same for the versions before.
//
// The state is stored under a pthread key that libpython does not tell. So it is searched for: it is the one that
// changes what PyGILState_GetThisThreadState() returns.
#ifndef MMPY_GIL_STATE_H
#define MMPY_GIL_STATE_H

#include <pthread.h>

#include "python/api.h"

namespace mmpy {

class GilState {
 public:
  enum class Kind {
    kPythons,   // CPython stores the current state itself
    kFollowed,  // we do
    kUnknown    // it can't be found: C code that calls back hangs in an instance
  };

  // Looks for the key. To be called on the loop's thread while CPython has a state stored for it.
  void Find();

  // Stores the state that is current, or about to be, on the loop's thread.
  void Store(PyThreadState *state) {
    if (kind_ == Kind::kFollowed) pthread_setspecific(key_, state);
  }

  Kind kind() const { return kind_; }

 private:
  friend class CreatingInterpreter;

  Kind kind_ = Kind::kPythons;
  pthread_key_t key_ = 0;
};

// The state of a new interpreter becomes current inside Py_NewInterpreter(), where nothing can store it; but if
// `tracemalloc` traces, the next allocation calls PyGILState_Ensure(). So for the scope of that function allocations of
// the loop's thread store the current state first.
class CreatingInterpreter {
 public:
  explicit CreatingInterpreter(const GilState &state);
  ~CreatingInterpreter();
  CreatingInterpreter(const CreatingInterpreter &) = delete;
  CreatingInterpreter &operator=(const CreatingInterpreter &) = delete;

 private:
  void *installed_ = nullptr;
};

}  // namespace mmpy

#endif
