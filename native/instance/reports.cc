#include "instance/reports.h"

#include <utility>

namespace mmpy {

void Reports::Tell(Report report) {
  report.instance = home_.id;
  if (report.kind == Report::Kind::kLog && !HasRoomForMessage()) return;
  home_.Tell([&] { return std::move(report); });
}

// The loop's thread may be busy for long, while others log.
bool Reports::HasRoomForMessage() {
  if (!home_.core.news().HasRoom(kMaxMessages, kMaxMessageBytes)) {
    ++messages_lost_;
    return false;
  }
  if (messages_lost_ > 0) {
    home_.Tell([&] {
      const std::string text = std::to_string(std::exchange(messages_lost_, 0)) + " messages were lost before this one";
      return Report{Report::Kind::kLog, home_.id, "warn", "", text, {}};
    });
  }
  return true;
}

std::string Reports::NameOf(const Watchdog::Running &running) {
  if (running.function != nullptr) return home_.interpreter.Describe(running.function);
  if (std::string_view("task") == running.role) {
    const PyRef name = home_.interpreter.CallHelper("running_task", {});
    PyErr_Clear();
    return name && mmpy_is_none(name.get()) == 0 ? ToText(name.get()) : "of a callback";
  }
  const uint32_t current = handlers_.current();
  const bool is_handler = current != Channels::kNone && std::string_view("handler") == running.role;
  return is_handler ? Shortened(channels_.name(current), kMaxName) : "";
}

void Reports::ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) {
  // The name first: the running function may continue while Python code runs here, see python/runtime/watchdog.py.
  std::string name = NameOf(running);
  std::string text = Stack();
  home_.core.Tell([&] {
    return Report{Report::Kind::kSlow, home_.id,        running.role,
                  std::move(name),     std::move(text), static_cast<double>(elapsed_ms)};
  });
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
    text = subject + " is still running" + after + " while everything else in its process waits";
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
