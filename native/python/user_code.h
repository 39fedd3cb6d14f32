// Calling functions of user code, and reporting their exceptions.
#ifndef MMPY_USER_CODE_H
#define MMPY_USER_CODE_H

#include <optional>
#include <string>
#include <utility>

#include "io/forked.h"
#include "python/interpreter.h"
#include "python/py_ref.h"
#include "routing/core.h"

namespace mmpy {

// Calls a function with one argument, or with none if it is NULL. Empty with an exception set if it raised.
inline PyRef Call(PyObject *function, PyObject *argument) {
  PyObject *slots[2] = {nullptr, argument};
  const size_t count = argument == nullptr ? 0 : 1;
  PyRef result =
      PyRef::Steal(PyObject_Vectorcall(function, slots + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  EndIfForked();
  return result;
}

// The same, watched. Not for calls that user code itself leads to.
inline PyRef CallUser(const Interpreter &interpreter, const Watchdog::Running &running, PyObject *argument) {
  const WatchedCall watched(PythonRuntime::Get().watchdog(), running, interpreter.interpreter_state());
  return Call(running.function, argument);
}

// Takes the current exception, which `function` raised, and reports it.
inline void ReportException(Core &core, InstanceId instance, Interpreter &interpreter, const char *role,
                            PyObject *function, std::optional<double> value = {}) {
  // The exception first: naming the function runs Python code, which must not run with one pending.
  PythonException raised = interpreter.TakeException();
  core.news().reports.push_back(
      {Report::Kind::kException, instance, role, interpreter.Describe(function), "", value, std::move(raised)});
}

}  // namespace mmpy

#endif
