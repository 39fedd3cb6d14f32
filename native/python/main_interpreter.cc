#include "python/main_interpreter.h"

#include "io/forked.h"
#include "python/exception.h"
#include "python/module.h"
#include "python/runtime.h"

namespace mmpy {

void MainInterpreter::Begin(PyThreadState *state) {
  state_ = state;
  interpreter_ = PyInterpreterState_Get();
  kept_ = PyRef::Steal(PyDict_New());
  PyErr_Clear();
  ListenToForks({mmpy_begin_forked, EndForked});
}

bool MainInterpreter::CanFork() const {
  return mmpy_forked != 0 || (others_ == 0 && PyInterpreterState_Get() == interpreter_);
}

int MainInterpreter::RefuseFork() const {
  if (CanFork()) return 0;
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR),
                  PyInterpreterState_Get() == interpreter_
                      ? "fork() is not possible while other python instances exist: CPython can't fork a process with "
                        "several interpreters. Use subprocess, or multiprocessing's start method 'spawn'; or run this "
                        "instance in a process of its own (see 'fork' in docs/troubleshooting.md)"
                      : "fork() is not possible in this instance: CPython can only fork in its main interpreter. Use "
                        "subprocess, or multiprocessing's start method 'spawn'; or give the instance 'interpreter = "
                        "main' and make it the only python instance (see 'fork' in docs/troubleshooting.md)");
  return -1;
}

void MainInterpreter::PrepareEndOfThread() { at_thread_end_ = PyThreadState_New(interpreter_); }

void MainInterpreter::NoteThreadsLeft() {
  threads_left_.clear();
  for (PyThreadState *state = PyInterpreterState_ThreadHead(interpreter_); state != nullptr;
       state = PyThreadState_Next(state)) {
    if (state != state_) threads_left_.insert(PyThreadState_GetID(state));
  }
}

// What user code had raised is printed, as at a program's end, and standard output flushed.
int MainInterpreter::EndForked(bool holds_gil) {
  const MainInterpreter &main = PythonRuntime::Get().main();
  if (!holds_gil) {
    if (main.at_thread_end_ == nullptr) return 0;  // forked by C code
    PyEval_RestoreThread(main.at_thread_end_);
  }
  if (PyInterpreterState_Get() != main.interpreter_) return 0;  // forked by C code
  const PyRef raised = PyErr_Occurred() == nullptr ? PyRef() : TakeRaised();
  PyObject *const end = main.kept_ ? PyDict_GetItemString(main.kept_.get(), "end_child") : nullptr;
  const PyRef argument = raised ? raised : PyRef::Steal(mmpy_none());
  PyObject *const slot = argument.get();
  const PyRef status = end == nullptr ? PyRef() : PyRef::Steal(PyObject_Vectorcall(end, &slot, 1, nullptr));
  return status ? static_cast<int>(PyLong_AsLong(status.get())) : 1;
}

}  // namespace mmpy
