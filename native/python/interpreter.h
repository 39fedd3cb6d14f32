// One sub-interpreter, the home of one python instance: its creation, the helpers of python/runtime/ in it, its
// end.
//
// Every method but state() needs the GIL with this interpreter's thread state current, except Start(), which creates
// it.
#ifndef MMPY_INTERPRETER_H
#define MMPY_INTERPRETER_H

#include <initializer_list>
#include <string>
#include <vector>

#include "python/exception.h"
#include "python/py_ref.h"
#include "python/runtime.h"

namespace mmpy {

class Interpreter {
 public:
  explicit Interpreter(PythonRuntime &runtime) : runtime_(runtime) {}
  Interpreter(const Interpreter &) = delete;
  Interpreter &operator=(const Interpreter &) = delete;

  // Creates the interpreter and runs the bootstrap code in it; `folder` becomes the start of sys.path, `argument`
  // sys.argv[0]. Returns an error text, or "". To be called inside a GilScope over the main interpreter; its thread
  // state is current again afterwards.
  std::string Start(const std::string &folder, const std::string &argument);

  // Ends Python threads: they are given a moment, then SystemExit. Returns the names of those that would not end.
  std::vector<std::string> StopThreads();

  // Whether an extension module is in it that must never be without it (must_stay() in python/runtime/ending.py).
  bool MustStay();

  // Whether an extension module is in it that is not made for several interpreters, and that it does not have from the
  // main one. There is one of those for the whole process: it refers to objects of the interpreter that imported or
  // used it first (asyncio's set of tasks, the function behind datetime.strptime()), which are broken once that ends.
  bool SharesModules() const;

  // Ends the interpreter, which has no threads any more. The main interpreter's thread state is current afterwards.
  void End();

  // Ends the interpreter, its threads first. If some would not end it stays, since ending it under them would abort the
  // process; also if MustStay(), but without user code. The main
  // interpreter's thread state is current afterwards.
  std::vector<std::string> Stop();

  // Leaves the interpreter to the process, without touching it and without the GIL.
  void Abandon() {
    helpers_.release();
    state_ = nullptr;
  }

  PyThreadState *state() const { return state_; }
  PyInterpreterState *interpreter_state() const { return interpreter_; }

  // The type of functions that are written in Python; empty if there is none.
  PyRef FunctionType() const;

  // Calls a function that start.py has with up to four arguments; empty with an exception set if that fails.
  PyRef CallHelper(const char *name, std::initializer_list<PyObject *> arguments);

  // Takes the current exception; there is none afterwards.
  PythonException TakeException();

  // A short name for a function that user code handed to us.
  std::string Describe(PyObject *function);

  // Whether there are Python threads in it beside the loop's.
  bool OtherThreadsExist() const;

 private:
  PythonRuntime &runtime_;
  PyThreadState *state_ = nullptr;
  PyInterpreterState *interpreter_ = nullptr;
  PyRef helpers_;  // the globals of python/runtime/start.py
};

// The text of a Python string; "" with no exception set if it is not a string.
std::string ToText(PyObject *text);

// Makes a thread raise an exception as soon as it runs Python code again; takes a tuple of its ident and the
// exception's type. False with an exception set if it is anything else.
bool RaiseInThread(PyObject *thread_and_exception);

}  // namespace mmpy

#endif
