// A python instance's end: the cleanup handler; every reference into the interpreter; then the interpreter.
#include <string>
#include <vector>

#include "instance/python_instance.h"

namespace mmpy {

void PythonInstance::CleanUp() {
  if (state() == nullptr || home_.ending) return;
  home_.gil.SwitchTo(state());
  home_.ending = true;
  cleanup_.Run();
}

// The module's functions do not find this instance any more.
void PythonInstance::Unlink() {
  if (home_.link != nullptr) home_.link->instance = nullptr;
  if (mmpy_now_running.instance == this) mmpy_now_running = {};
}

// Releasing runs user code (__del__), which may call the module's functions once more: they refuse.
void PythonInstance::Clear() {
  home_.reloading = false;
  const auto clear = [](auto &...parts) { (..., parts.Clear()); };
  clear(sockets_, intervals_, handlers_, cleanup_, batches_, channels_);
}

// Other threads of ours may be inside the interpreter.
void PythonInstance::AwaitOthers() {
  home_.gil.Pause();
  home_.watchdog.Await();
  home_.gil.SwitchTo(state());
}

void PythonInstance::ReportThreadsLeft(const std::vector<std::string> &names) {
  home_.core.Tell([&] {
    std::string text;
    for (const std::string &name : names) text += (text.empty() ? "" : ", ") + Shortened(name, kMaxName);
    return Report{Report::Kind::kThreadsLeft, home_.id, "", "", std::move(text), {}};
  });
}

void PythonInstance::Retire() {
  if (!usable()) return;
  CleanUp();
  // Not a GilScope, which would make the state that was current before current again: that may be the one that ends.
  home_.gil.SwitchTo(state());
  Unlink();
  Clear();
  retired_ = true;
  const std::vector<std::string> threads_left = home_.interpreter.StopCode();
  if (threads_left.empty() && !home_.interpreter.MustStay() && !home_.interpreter.SharesModules()) {
    AwaitOthers();
    home_.link = nullptr;
    home_.capsule = PyRef();
    home_.interpreter.End();
    channels_.Free();
    return;
  }
  // It ends with the core, if at all: others may depend on its extension modules, or its threads are in it.
  if (!home_.interpreter.CallHelper("forget_modules", {})) PyErr_Clear();
  if (!threads_left.empty()) ReportThreadsLeft(threads_left);
}

bool PythonInstance::Stop() {
  if (state() == nullptr) return true;
  home_.gil.SwitchTo(state());  // see Retire()
  Unlink();
  Clear();
  AwaitOthers();
  home_.link = nullptr;
  home_.capsule = PyRef();
  const std::vector<std::string> threads_left = home_.interpreter.Stop();
  if (threads_left.empty()) return true;
  ReportThreadsLeft(threads_left);
  return false;
}

// Released, references could run user code (__del__), and the environment is past that: they stay with the process.
void PythonInstance::Abandon() {
  if (state() == nullptr) return;
  if (home_.link != nullptr) home_.link->reporter = nullptr;
  Unlink();
  const auto abandon = [](auto &...parts) { (..., parts.Abandon()); };
  abandon(sockets_, intervals_, handlers_, cleanup_, batches_, channels_);
  home_.capsule.release();
  home_.interpreter.Abandon();
}

}  // namespace mmpy
