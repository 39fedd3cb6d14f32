// Calling functions of user code, and reporting their exceptions.
#ifndef MMPY_USER_CODE_H
#define MMPY_USER_CODE_H

#include <optional>
#include <string>
#include <utility>

#include "io/forked.h"
#include "python/interpreter.h"
#include "python/module.h"
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

// Takes the current exception, which `function` raised, and reports it.
inline void ReportException(Core &core, InstanceId instance, Interpreter &interpreter, const char *role,
                            PyObject *function, std::optional<double> value = {}) noexcept {
  core.Tell([&] {
    // The exception first: naming the function runs Python code, which must not run with one pending.
    PythonException raised = interpreter.TakeException();
    return Report{Report::Kind::kException, instance, role, interpreter.Describe(function), "", value,
                  std::move(raised)};
  });
  PyErr_Clear();  // if there was no memory for that
}

// Calls a function of user code, watched, with one argument, or with none if it is NULL; begins the coroutine that it
// returns if it is `async def`; reports its exception. Not for calls that user code itself leads to.
inline void CallUser(Core &core, InstanceId instance, Interpreter &interpreter, const Watchdog::Running &running,
                     PyObject *argument) {
  const WatchedCall watched(PythonRuntime::Get().watchdog(), running, interpreter.interpreter_state());
  PyRef result = Call(running.function, argument);
  if (result) {
    if (mmpy_is_none(result.get()) != 0) return;
    return interpreter.results().Take(std::move(result), running.role, running.function, {});
  }
  watched.Again();  // describing the exception may run user code too, such as its __str__()
  ReportException(core, instance, interpreter, running.role, running.function);
}

}  // namespace mmpy

#endif
