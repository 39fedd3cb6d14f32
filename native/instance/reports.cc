#include "instance/reports.h"

#include <utility>

namespace mmpy {

void Reports::ReportUncaught(std::string role, std::string subject, PythonException raised) {
  home_.AddReport({Report::Kind::kException, home_.id, std::move(role), std::move(subject), "", {}, std::move(raised)});
}

void Reports::Log(Report message) {
  // The loop's thread may be busy for long, while others log.
  constexpr size_t kMaxWaiting = 10'000;
  if (home_.core.news().reports.size() >= kMaxWaiting) {
    ++messages_lost_;
    return;
  }
  if (messages_lost_ > 0) {
    const std::string lost = std::to_string(std::exchange(messages_lost_, 0)) + " messages were lost before this one";
    home_.AddReport({Report::Kind::kLog, home_.id, "warn", "", lost, {}});
  }
  home_.AddReport(std::move(message));
}

std::string Reports::NameOf(const Watchdog::Running &running) {
  if (running.function != nullptr) return home_.interpreter.Describe(running.function);
  const uint32_t current = handlers_.current();
  return current == Channels::kNone ? "" : std::string(channels_.name(current));
}

void Reports::ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) {
  // The name first: the running function may continue while Python code runs here, see python/runtime/watchdog.py.
  std::string name = NameOf(running);
  const PyRef stack = home_.interpreter.CallHelper("running_stack", {});
  std::string text = stack ? ToText(stack.get()) : "";
  PyErr_Clear();
  home_.core.news().reports.push_back(
      {Report::Kind::kSlow, home_.id, running.role, std::move(name), std::move(text), static_cast<double>(elapsed_ms)});
  home_.core.Wake();
}

void Reports::PrintStuck(const Watchdog::Running &running, uint64_t elapsed_ms, Watchdog::StuckFormat format) {
  const std::string subject = home_.name + ": the " + running.role + " " + NameOf(running);
  const PyRef name = PyRef::Steal(PyUnicode_FromString(subject.c_str()));
  const PyRef elapsed = PyRef::Steal(PyLong_FromUnsignedLongLong(elapsed_ms));
  const PyRef python_format = PyRef::Steal(PyUnicode_FromString(format == Watchdog::StuckFormat::kJson      ? "json"
                                                                : format == Watchdog::StuckFormat::kJournal ? "journal"
                                                                                                            : "text"));
  if (name && elapsed && python_format) {
    home_.interpreter.CallHelper("print_stuck", {name.get(), elapsed.get(), python_format.get()});
  }
  PyErr_Clear();
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
  return interruption;
}

}  // namespace mmpy
