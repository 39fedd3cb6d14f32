// The function that a python instance's code registered to be called when the instance ends.
#ifndef MMPY_CLEANUP_H
#define MMPY_CLEANUP_H

#include <utility>

#include "instance/home.h"
#include "python/user_code.h"

namespace mmpy {

class Cleanup {
 public:
  explicit Cleanup(Home &home) : home_(home) {}

  // midimonster.cleanup_handler(): returns the one before, or None.
  PyObject *Set(PyObject *function) {
    const PyRef replaced = std::exchange(function_, mmpy_is_none(function) != 0 ? PyRef() : PyRef::Borrow(function));
    if (home_.on_trial()) {
      if (!on_trial_) before_ = replaced;
      on_trial_ = true;
    } else if (on_trial_) {
      // One registered by a thread comes later than the new version's, and stays.
      on_trial_ = false;
      const PyRef before = std::exchange(before_, {});
      return replaced ? PyRef(replaced).release() : mmpy_none();
    }
    return replaced ? PyRef(replaced).release() : mmpy_none();
  }

  // Calls it, once.
  void Run() {
    const PyRef function = std::exchange(function_, {});
    if (!function) return;
    Watchdog::Running running = home_.AsSideEffect("cleanup handler");
    running.function = function.get();
    if (running.until_ms != 0) running.print_ms = 3000;  // it may fade something out
    home_.interpreter.results().BeforeCleanup();
    CallUser(home_.core, home_.id, home_.interpreter, running, nullptr);
  }

  void Begin() { on_trial_ = false; }

  // Drops an old version's function if it has not been replaced.
  void DropOld(const IsMeant &is_old) {
    const PyRef function = function_;  // is_meant() runs Python code
    if (on_trial_ || !function || !is_old(function.get()) || function.get() != function_.get()) return;
    before_ = std::exchange(function_, {});
    on_trial_ = true;
  }

  void Commit() {
    on_trial_ = false;
    const PyRef before = std::exchange(before_, {});
  }

  void Rollback() {
    if (!std::exchange(on_trial_, false)) return;
    const PyRef dropped = std::exchange(function_, std::exchange(before_, {}));
  }

  // Releasing it runs user code (__del__).
  void Clear() {
    Commit();
    const PyRef function = std::exchange(function_, {});
  }

  void Abandon() {
    function_.release();
    before_.release();
  }

 private:
  Home &home_;
  PyRef function_;
  PyRef before_;  // while `on_trial_`: the previous one, to be restored
  bool on_trial_ = false;
};

}  // namespace mmpy

#endif
