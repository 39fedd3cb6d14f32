// CPython's main interpreter, which never ends: one instance after the other may use it. And forking, which CPython
// supports in the main interpreter only, while there is no other.
#ifndef MMPY_MAIN_INTERPRETER_H
#define MMPY_MAIN_INTERPRETER_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "python/api.h"
#include "python/py_ref.h"

namespace mmpy {

class MainInterpreter {
 public:
  // Once, when CPython has been initialised, with the GIL. `state` is the loop's thread's.
  void Begin(PyThreadState *state);

  PyThreadState *state() const { return state_; }
  bool started() const { return state_ != nullptr; }

  // The instance that uses it.
  struct Holder {
    std::string name;
    const void *core;  // only compared: the holder may belong to another router
  };
  const std::optional<Holder> &holder() const { return holder_; }
  void Take(Holder holder) { holder_ = std::move(holder); }
  void Free() { holder_.reset(); }

  // A dictionary for python/runtime/main.py, which is kept between instances. Borrowed; with the GIL.
  PyObject *kept() const { return kept_.get(); }

  // Interpreters besides this one, including those that can't end any more.
  void AddOther() { ++others_; }
  void RemoveOther() { --others_; }

  // Whether os.fork() works in the current interpreter. From any thread that holds the GIL.
  bool CanFork() const;

  // For the audit hook: 0 if it works, or -1 with an exception set.
  int RefuseFork() const;

  // In a child that a Python thread has forked: creates the thread state for the end of that thread, when it has none
  // of its own any more. Not then, since CPython 3.11 can't create one if there is no other. With the GIL.
  void PrepareEndOfThread();

  // Threads that would not end stay in this interpreter: later instances ignore them. With the GIL.
  void NoteThreadsLeft();
  bool IsLeft(PyThreadState *state) const {
    return !threads_left_.empty() && threads_left_.count(PyThreadState_GetID(state)) != 0;
  }

 private:
  static int EndForked(bool holds_gil);

  PyThreadState *state_ = nullptr;
  PyInterpreterState *interpreter_ = nullptr;
  std::optional<Holder> holder_;
  PyRef kept_;
  PyThreadState *at_thread_end_ = nullptr;
  size_t others_ = 0;
  std::set<uint64_t> threads_left_;  // identifiers of their thread states
};

}  // namespace mmpy

#endif
