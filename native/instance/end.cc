// A python instance's end: the cleanup handler; every reference into the interpreter; then the interpreter.
#include <string>
#include <vector>

#include "instance/python_instance.h"
#include "io/steady_ms.h"

namespace mmpy {

namespace {

// While an interpreter ends. Its reference to the capsule has to be released before; but the main one goes on, maybe
// with threads that did not end and still hold the module's functions: then they have nothing to report to.
class Detached {
 public:
  explicit Detached(Home &home) : home_(home) {
    if (!home_.interpreter.is_main()) Release();
  }
  ~Detached() {
    if (home_.link != nullptr) home_.link->reporter = nullptr;
    Release();
  }
  Detached(const Detached &) = delete;
  Detached &operator=(const Detached &) = delete;

 private:
  void Release() {
    home_.link = nullptr;
    home_.capsule = PyRef();
  }

  Home &home_;
};

}  // namespace

void PythonInstance::CleanUp() {
  if (state() == nullptr || home_.ending) return;
  home_.gil.SwitchTo(state());
  home_.ending = true;
  cleanup_.Run();
}

bool PythonInstance::BeginEnd(uint64_t cleanup_until_ms) {
  if (!usable()) return false;
  home_.gil.SwitchTo(state());
  sockets_.Rest();  // as if the instance ended at once
  return tasks_.BeginEnd(cleanup_until_ms);
}

// The module's functions do not find this instance any more.
void PythonInstance::Unlink() {
  if (home_.link != nullptr) home_.link->instance = nullptr;
  if (mmpy_now_running.instance == this) mmpy_now_running = {};
}

// Releasing runs user code (__del__), which may call the module's functions once more: they refuse.
void PythonInstance::Clear() {
  home_.reloading = false;
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("finalizers"), home_.interpreter.interpreter_state());
  const auto clear = [](auto &...parts) { (..., parts.Clear()); };
  clear(tasks_, sockets_, intervals_, start_functions_, handlers_, cleanup_, batches_, channels_);
}

void PythonInstance::ForgetModules() {
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("finalizers"), home_.interpreter.interpreter_state());
  home_.interpreter.ForgetModules();
}

void PythonInstance::StopThreads(EndThreads step, uint64_t until_ms) {
  if (state() == nullptr) return;
  home_.gil.SwitchTo(state());
  switch (step) {
    case EndThreads::kRelease:
      Unlink();
      Clear();
      home_.interpreter.ReleaseThreadPools();
      break;
    case EndThreads::kJoin: {
      home_.interpreter.JoinThreads(until_ms);
      const WatchedCall watched(home_.watchdog, home_.AsSideEffect("exit functions"),
                                home_.interpreter.interpreter_state());
      home_.interpreter.RunExitFunctions();
      break;
    }
    case EndThreads::kInterrupt:
      home_.interpreter.InterruptThreads();
      break;
  }
}

// Waits for the threads that were interrupted, and releases user code. Returns the names of threads that did not end.
std::vector<std::string> PythonInstance::AwaitThreads(uint64_t until_ms) {
  Interpreter &interpreter = home_.interpreter;
  std::vector<std::string> threads_left = interpreter.AwaitThreads(until_ms);
  if (!threads_left.empty()) return threads_left;
  // Finalizers of user code may start threads, which Py_EndInterpreter() does not survive up to 3.11: so now.
  ForgetModules();
  if (!interpreter.OtherThreadsExist()) return threads_left;
  constexpr uint64_t kLateMs = 500;
  interpreter.JoinThreads(SteadyMs() + kLateMs);
  interpreter.InterruptThreads();
  return interpreter.AwaitThreads(SteadyMs() + kLateMs);
}

// Other threads of ours may be inside the interpreter.
void PythonInstance::AwaitOthers() {
  home_.gil.Pause();
  home_.watchdog.Await();
  home_.gil.SwitchTo(state());
  home_.watchdog.Name(home_.interpreter.interpreter_state(), "");
}

void PythonInstance::ReportThreadsLeft(const std::vector<std::string> &names) {
  home_.core.Tell([&] {
    std::string text;
    for (const std::string &name : names) text += (text.empty() ? "" : ", ") + Shortened(name, kMaxName);
    return Report{Report::Kind::kThreadsLeft, home_.id, "", "", std::move(text), {}};
  });
}

void PythonInstance::Retire(uint64_t until_ms) {
  if (!usable()) return;
  // Not a GilScope, which would make the state that was current before current again: that may be the one that ends.
  home_.gil.SwitchTo(state());
  retired_ = true;
  const std::vector<std::string> threads_left = AwaitThreads(until_ms);
  if (!threads_left.empty()) ReportThreadsLeft(threads_left);
  if (home_.interpreter.is_main() || (threads_left.empty() && home_.interpreter.CanEndEarly())) {
    AwaitOthers();
    const Detached detached(home_);
    home_.interpreter.End();
    channels_.Free();
    return;
  }
  // It ends with the core, if at all: others may depend on its extension modules, or its threads are in it.
  if (!threads_left.empty()) ForgetModules();
}

bool PythonInstance::Stop(uint64_t until_ms) {
  if (state() == nullptr) return true;
  home_.gil.SwitchTo(state());  // see Retire()
  const std::vector<std::string> threads_left = AwaitThreads(until_ms);
  if (!threads_left.empty()) ReportThreadsLeft(threads_left);
  AwaitOthers();
  const Detached detached(home_);
  home_.interpreter.Stop(!threads_left.empty());
  return threads_left.empty();
}

// Released, references could run user code (__del__), and the environment is past that: they stay with the process.
void PythonInstance::Abandon() {
  if (state() == nullptr) return;
  if (home_.link != nullptr) home_.link->reporter = nullptr;
  Unlink();
  const auto abandon = [](auto &...parts) { (..., parts.Abandon()); };
  abandon(tasks_, sockets_, intervals_, start_functions_, handlers_, cleanup_, batches_, channels_);
  home_.capsule.release();
  home_.interpreter.Abandon();
}

}  // namespace mmpy
