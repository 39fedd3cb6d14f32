// What a python instance tells of user code: what it raised, what it output to nobody, what takes too long.
#include <algorithm>
#include <utility>

#include "instance/python_instance.h"

namespace mmpy {

void PythonInstance::ReportHandlerException(uint32_t channel, double value) {
  PythonException raised = interpreter_.TakeException();
  core_.news().reports.push_back(
      {Report::Kind::kException, id_, "handler", std::string(names_.name(channel)), "", value, std::move(raised)});
}

void PythonInstance::ReportUncaught(std::string role, std::string subject, PythonException raised) {
  core_.news().reports.push_back(
      {Report::Kind::kException, id_, std::move(role), std::move(subject), "", {}, std::move(raised)});
  if (!core_.entered()) core_.Wake();
}

// For the watchdog, which holds the GIL with a thread state of this interpreter

std::string PythonInstance::NameOf(const Watchdog::Running &running) {
  if (running.function != nullptr) return interpreter_.Describe(running.function);
  return current_ == ChannelTable::kNone ? "" : std::string(names_.name(current_));
}

void PythonInstance::ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) {
  // The name first: what runs may go on while Python code here runs, see python/runtime/watchdog.py.
  std::string name = NameOf(running);
  const PyRef stack = interpreter_.CallHelper("running_stack", {});
  std::string text = stack ? ToText(stack.get()) : "";
  PyErr_Clear();
  core_.news().reports.push_back(
      {Report::Kind::kSlow, id_, running.role, std::move(name), std::move(text), static_cast<double>(elapsed_ms)});
  core_.Wake();
}

void PythonInstance::TellStuck(const Watchdog::Running &running, uint64_t elapsed_ms, Watchdog::Tell as) {
  const std::string subject = name_ + ": the " + running.role + " " + NameOf(running);
  const PyRef name = PyRef::Steal(PyUnicode_FromString(subject.c_str()));
  const PyRef elapsed = PyRef::Steal(PyLong_FromUnsignedLongLong(elapsed_ms));
  const PyRef format = PyRef::Steal(PyUnicode_FromString(as == Watchdog::Tell::kJson      ? "json"
                                                         : as == Watchdog::Tell::kJournal ? "journal"
                                                                                          : "text"));
  if (name && elapsed && format) {
    interpreter_.CallHelper("tell_stuck", {name.get(), elapsed.get(), format.get()});
  }
  PyErr_Clear();
}

PyRef PythonInstance::Interruption(const Watchdog::Running &running, uint64_t limit_ms) {
  const std::string text = limit_ms == 0
                               ? std::string("ended by a signal to stop")
                               : "the " + std::string(running.role) + " ran for longer than handler-timeout, " +
                                     std::to_string(limit_ms) + " ms";
  const PyRef name = PyRef::Steal(PyUnicode_FromString(limit_ms == 0 ? "Stopped" : "HandlerTimeout"));
  const PyRef message = PyRef::Steal(PyUnicode_FromString(text.c_str()));
  PyRef interruption = name && message ? interpreter_.CallHelper("interruption", {name.get(), message.get()}) : PyRef();
  PyErr_Clear();
  return interruption;
}

void PythonInstance::ReportUnknown(std::string_view name) {
  constexpr size_t kMostNames = 1000;  // names may be made up without end
  const auto place = std::lower_bound(unknown_.begin(), unknown_.end(), name);
  if ((place != unknown_.end() && *place == name) || unknown_.size() >= kMostNames) return;
  unknown_.emplace(place, name);
  core_.news().reports.push_back({Report::Kind::kUnknownChannel, id_, "", std::string(name), "", {}});
  if (!core_.entered()) core_.Wake();
}

}  // namespace mmpy
