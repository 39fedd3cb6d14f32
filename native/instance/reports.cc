#include "instance/reports.h"

#include <utility>

namespace mmpy {

void Reports::ReportUncaught(std::string role, std::string subject, PythonException raised) {
  home_.AddReport({Report::Kind::kException, home_.id, std::move(role), std::move(subject), "", {}, std::move(raised)});
}

std::string Reports::NameOf(const Watchdog::Running &running) {
  if (running.function != nullptr) return home_.interpreter.Describe(running.function);
  const uint32_t current = handlers_.current();
  return current == Channels::kNone || std::string("handler") != running.role ? ""
                                                                              : std::string(channels_.name(current));
}

void Reports::ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) {
  // The name first: the running function may continue while Python code runs here, see python/runtime/watchdog.py.
  std::string name = NameOf(running);
  std::string text = Stack();
  home_.core.news().reports.push_back(
      {Report::Kind::kSlow, home_.id, running.role, std::move(name), std::move(text), static_cast<double>(elapsed_ms)});
  home_.core.Wake();
}

std::string Reports::Subject(const Watchdog::Running &running) {
  const std::string role = running.role;
  if (role == "module") {
    const PyRef value = home_.interpreter.CallHelper("loading", {});
    PyErr_Clear();
    const bool known = value && mmpy_is_none(value.get()) == 0;
    return home_.name + ": " + (known ? "module '" + ToText(value.get()) + "'" : "a module");
  }
  const std::string name = NameOf(running);
  return home_.name + ": the " + role + (name.empty() ? "" : " " + name);
}

std::string Reports::Stack() {
  const PyRef stack = home_.interpreter.CallHelper("running_stack", {});
  PyErr_Clear();
  return stack ? ToText(stack.get()) : "";
}

std::string Reports::StuckText(const Watchdog::Running &running, uint64_t elapsed_ms) {
  const std::string stack = Stack();
  const std::string after = " after " + std::to_string(elapsed_ms) + " ms";
  const std::string subject = Subject(running);
  std::string text;
  if (std::string(running.role) == "module") {
    text = subject + " is still loading" + after + "; " +
           (home_.core.running() ? "the running configuration stands still" : "nothing starts") + " until it returns";
  } else {
    text = subject + " is still running" + after + " while everything else waits";
  }
  return stack.empty() ? text : text + "\n" + stack;
}

PyRef Reports::Interruption(const Watchdog::Running &running, uint64_t limit_ms) {
  const std::string text = limit_ms == 0
                               ? std::string("ended by a signal to stop")
                               : "the " + std::string(running.role) + " ran for longer than handler-timeout, " +
                                     std::to_string(limit_ms) + " ms";
  const PyRef name = PyRef::Steal(PyUnicode_FromString(limit_ms == 0 ? "Stopped" : "HandlerTimeout"));
  const PyRef message = PyRef::Steal(PyUnicode_FromString(text.c_str()));
  PyRef interruption =
      name && message ? home_.interpreter.CallHelper("interruption", {name.get(), message.get()}) : PyRef();
  PyErr_Clear();
  return interruption && mmpy_is_none(interruption.get()) == 0 ? interruption : PyRef();
}

}  // namespace mmpy
