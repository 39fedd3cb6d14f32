// One interpreter, the home of one python instance: its creation, the helpers of python/runtime/ in it, its end.
//
// It is a sub-interpreter, or the main one, which one instance after the other may use. That one is not created and
// does not end: it is left, for the next, in the state in which it was before (python/runtime/main.py).
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
#include "python/results.h"
#include "python/runtime.h"

namespace mmpy {

class Interpreter {
 public:
  explicit Interpreter(PythonRuntime &runtime) : runtime_(runtime) {}
  Interpreter(const Interpreter &) = delete;
  Interpreter &operator=(const Interpreter &) = delete;

  enum class Kind { kOwn, kMain };

  // Creates the interpreter, or takes the main one, and runs the bootstrap code in it; `folder` becomes the start of
  // sys.path, `argument` sys.argv[0]. Returns an error text, or "". To be called inside a GilScope over the main
  // interpreter; its thread state is current again afterwards.
  std::string Start(Kind kind, const std::string &folder, const std::string &argument);

  // The steps of ending Python threads; see EndThreads, and python/runtime/threads.py. Waiting takes until `until_ms`,
  // a time of SteadyMs().
  void ReleaseThreadPools() { CallForEffect("release_thread_pools"); }
  void JoinThreads(uint64_t until_ms);
  void RunExitFunctions() { CallForEffect("run_exit_functions"); }
  void InterruptThreads() { CallForEffect("interrupt_threads"); }

  // The last one: waits for those that were interrupted. Returns the names of those that did not end.
  std::vector<std::string> AwaitThreads(uint64_t until_ms);

  // Releases user code: runs finalizers.
  void ForgetModules() { CallForEffect("forget_modules"); }

  // Whether it can end, or be left, although the core goes on and other instances may depend on it.
  bool CanEndEarly() { return is_main_ || (!MustStay() && !SharesModules()); }

  bool is_main() const { return is_main_; }

  // Ends the interpreter, which must have no threads left unless it is the main one. The main interpreter's thread
  // state is current afterwards.
  void End();

  // Ends the interpreter, unless threads are left, since ending it would then abort the process, or MustStay(); the
  // main one is left in any case. The main interpreter's thread state is current afterwards. Its user code has been
  // released.
  void Stop(bool threads_left);

  // Keeps the interpreter until the process ends, without touching it and without the GIL.
  void Abandon() {
    helpers_.release();
    context_.release();
    state_ = nullptr;
  }

  PyThreadState *state() const { return state_; }
  PyInterpreterState *interpreter_state() const { return interpreter_; }

  // The type of functions that are written in Python; empty if there is none.
  PyRef FunctionType() const;

  // Calls a function of start.py with up to four arguments; empty with an exception set if that fails.
  PyRef CallHelper(const char *name, std::initializer_list<PyObject *> arguments);

  // The same with no arguments and no result; an exception is dropped.
  void CallForEffect(const char *name) {
    if (!CallHelper(name, {})) PyErr_Clear();
  }

  // Who takes what its functions return, other than None. Before any is called.
  void SetResults(Results &results) { results_ = &results; }
  Results &results() const { return *results_; }

  // Takes the current exception; none is set afterwards.
  PythonException TakeException();

  // A short name for a function of user code.
  std::string Describe(PyObject *function);

  // The file and line of user code that calls a function of the module, `desk.py:12`; "" if that is unknown.
  std::string CallerPlace();

  // Whether it has Python threads other than the loop's.
  bool OtherThreadsExist() const;

 private:
  bool RunHelpers(const std::string &folder, const std::string &argument);
  bool EnterContext();
  void Leave();

  // Whether it contains an extension module that must not outlive it (must_stay() in python/runtime/ending.py).
  bool MustStay();

  // Whether it contains an extension module that does not support several interpreters and was not imported by the main
  // one. Such a module is shared by the whole process: it refers to objects of the interpreter that imported or used it
  // first (asyncio's set of tasks, the function behind datetime.strptime()), which are broken once that one ends.
  bool SharesModules() const;

  PythonRuntime &runtime_;
  Results *results_ = nullptr;
  bool is_main_ = false;
  PyThreadState *state_ = nullptr;
  PyInterpreterState *interpreter_ = nullptr;
  PyRef helpers_;  // the globals of python/runtime/start.py
  PyRef context_;  // in the main interpreter: the context of context variables
};

// These read what Python code has returned, whatever that is: user code can find and replace the helpers. No exception
// is set afterwards.

// The text of a Python string; "" if it is not a string, or NULL.
std::string ToText(PyObject *text);

// The texts of a list; none if it is not a list, or NULL.
std::vector<std::string> ToTexts(PyObject *list);

// An item of a tuple, which owns it; NULL if there is none, or it is not a tuple, or NULL.
PyObject *ItemOf(PyObject *tuple, Py_ssize_t index);

// Makes a thread raise an exception as soon as it runs Python code again; takes a tuple of its ident and the
// exception's type. False with an exception set if it is anything else.
bool RaiseInThread(PyObject *thread_and_exception);

}  // namespace mmpy

#endif
