// State shared by the parts of one python instance: the interpreter, the core, and the instance's phase.
#ifndef MMPY_HOME_H
#define MMPY_HOME_H

#include <functional>
#include <string>
#include <utility>

#include "python/interpreter.h"
#include "python/module.h"
#include "python/py_ref.h"
#include "python/runtime.h"
#include "python/watchdog.h"
#include "routing/core.h"

// The type that the module's C functions know (module.h).
struct mmpy_instance {};

namespace mmpy {

// Whether an operation applies to a function. Runs Python code.
using IsMeant = std::function<bool(PyObject *function)>;

class Home {
 public:
  Home(Core &core_, InstanceId id_, mmpy_instance &self_, WatchedCode &watched_, Counters &counters_)
      : core(core_),
        id(id_),
        self(self_),
        watched(watched_),
        counters(counters_),
        gil(PythonRuntime::Get().gil()),
        watchdog(PythonRuntime::Get().watchdog()) {}

  // Whether the calling user code is the new version of a module that is being loaded: its actions have no effect yet
  // or can be undone. Calls from threads take effect as usual.
  bool on_trial() const { return reloading && core.OnLoopThread(); }

  bool linked() const { return link != nullptr && link->instance != nullptr; }

  // Called after user code has run on behalf of one of the module's functions: it may have released the GIL for as long
  // as the stop took. Returns true with an exception set if so.
  bool RefuseIfStopped() const {
    if (linked()) return false;
    PyErr_Clear();
    mmpy_raise_stopped(core.OnLoopThread() ? 1 : 0);
    return true;
  }

  // For calls of this instance's functions that are not watched as part of another call.
  Watchdog::Running AsRunning(const char *role, PyObject *function) const { return {&watched, role, function}; }

  // For what may run user code as a side effect, mostly that of finalizers: within the limits, unless the core is being
  // stopped, which has a limit of its own.
  Watchdog::Running AsSideEffect(const char *role) const {
    Watchdog::Running running = AsRunning(role, nullptr);
    running.until_ms = core.stops_by_ms();
    if (running.until_ms != 0) {
      running.limited = running.stoppable = false;
      running.print_ms = 1000;
    }
    return running;
  }

  // Passes a report to JavaScript soon, even if a Python thread caused it while the core is idle.
  template <typename Make>
  void Tell(Make &&make) const noexcept {
    core.Tell(std::forward<Make>(make));
    WakeCore();
  }
  void WakeCore() const {
    if (!core.entered()) core.Wake();
  }

  Core &core;
  const InstanceId id;
  mmpy_instance &self;
  WatchedCode &watched;
  Counters &counters;
  Gil &gil;
  Watchdog &watchdog;
  Interpreter interpreter{PythonRuntime::Get()};
  std::string name;           // the configuration's, for messages
  PyRef capsule;              // holds `link`
  mmpy_link *link = nullptr;  // how the module's functions find the instance
  bool reloading = false;
  bool ending = false;  // the cleanup handler has begun: nothing can be registered any more
};

}  // namespace mmpy

#endif
