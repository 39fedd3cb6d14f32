#include "python/interpreter.h"

#include <chrono>
#include <set>
#include <thread>

#include "io/forked.h"
#include "io/loop_sockets.h"
#include "io/steady_ms.h"
#include "io/stream_writer.h"
#include "python/module.h"

extern "C" char **environ;

namespace mmpy {

namespace {

// Python-callable: raise_in_thread((ident, exception)).
PyObject *RaiseInThreadFunction(PyObject *, PyObject *arguments) {
  return RaiseInThread(arguments) ? mmpy_none() : nullptr;
}

// Python-callable: share_environment() lets C code in Python's libraries see what setenv() has just changed.
PyObject *ShareEnvironment(PyObject *, PyObject *) {
  PythonRuntime::Get().ShareEnvironment();
  return mmpy_none();
}

// Python-callable: environment() returns the environment as it is now, as a list of bytes.
PyObject *Environment(PyObject *, PyObject *) {
  PyRef list = PyRef::Steal(Py_BuildValue("[]"));
  for (char **variable = environ; list && variable != nullptr && *variable != nullptr; ++variable) {
    const PyRef bytes = PyRef::Steal(Py_BuildValue("y", *variable));
    if (!bytes || PyList_Append(list.get(), bytes.get()) != 0) list = PyRef();
  }
  return list.release();
}

// Python-callable: can_fork() returns True or None.
PyObject *CanFork(PyObject *, PyObject *) {
  return PythonRuntime::Get().main().CanFork() ? PyLong_FromUnsignedLongLong(1) : mmpy_none();
}

// Python-callable: refuse_fork() raises an exception if the process can't be forked here.
PyObject *RefuseFork(PyObject *, PyObject *) {
  return PythonRuntime::Get().main().RefuseFork() == 0 ? mmpy_none() : nullptr;
}

// Python-callable: is_forked() returns True in a forked child, or None.
PyObject *IsForked(PyObject *, PyObject *) { return InForkedChild() ? PyLong_FromUnsignedLongLong(1) : mmpy_none(); }

// Python-callable: after_fork() is called in forked children.
PyObject *AfterFork(PyObject *, PyObject *) {
  CloseLoopSocketsInChild();
  PythonRuntime::Get().main().PrepareEndOfThread();
  return mmpy_none();
}

// Python-callable: write_stream((fd, bytes)) returns an errno, or 0.
PyObject *WriteStream(PyObject *, PyObject *arguments) {
  PyObject *const fd = PyTuple_GetItem(arguments, 0);
  PyObject *const bytes = PyTuple_GetItem(arguments, 1);
  const char *const text = fd == nullptr || bytes == nullptr ? nullptr : PyBytes_AsString(bytes);
  if (text == nullptr) return nullptr;
  const auto size = static_cast<size_t>(PyBytes_Size(bytes));
  const unsigned long number = PyLong_AsUnsignedLongMask(fd);
  if (PyErr_Occurred() != nullptr) return nullptr;
  StreamWriter &writer = StreamWriter::Of(static_cast<int>(number));
  if (writer.MayWait(size)) {
    PyThreadState *const state = PyEval_SaveThread();
    writer.WaitForRoom(size);
    PyEval_RestoreThread(state);
  }
  return PyLong_FromUnsignedLongLong(static_cast<unsigned long long>(writer.Write(text, size)));
}

// The functions in the namespace of python/runtime/start.py.
PyMethodDef native_functions[] = {
    {"raise_in_thread", RaiseInThreadFunction, METH_O, nullptr},
    {"share_environment", ShareEnvironment, METH_NOARGS, nullptr},
    {"environment", Environment, METH_NOARGS, nullptr},
    {"can_fork", CanFork, METH_NOARGS, nullptr},
    {"refuse_fork", RefuseFork, METH_NOARGS, nullptr},
    {"is_forked", IsForked, METH_NOARGS, nullptr},
    {"after_fork", AfterFork, METH_NOARGS, nullptr},
    {"write_stream", WriteStream, METH_O, nullptr},
};

// The attribute `__file__` of what may be a module; "" if it has none.
std::string FileOf(PyObject *module) {
  const PyRef file = PyRef::Steal(PyObject_GetAttrString(module, "__file__"));
  std::string path = file && mmpy_is_none(file.get()) == 0 ? ToText(file.get()) : "";
  PyErr_Clear();
  return path;
}

// Whether a module's library was loaded for this interpreter only (python/runtime/extensions.py).
bool IsOwnCopy(PyObject *module) { return FileOf(module).rfind("/proc/self/fd/", 0) == 0; }

}  // namespace

bool RaiseInThread(PyObject *thread_and_exception) {
  PyObject *const ident = PyTuple_GetItem(thread_and_exception, 0);
  PyObject *const exception = PyTuple_GetItem(thread_and_exception, 1);
  if (ident == nullptr || exception == nullptr) return false;
  const unsigned long thread = PyLong_AsUnsignedLongMask(ident);
  if (PyErr_Occurred() != nullptr) return false;
  PyThreadState_SetAsyncExc(thread, exception);
  return true;
}

std::string ToText(PyObject *text) {
  if (text == nullptr) return {};
  Py_ssize_t size = 0;
  const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) {
    PyErr_Clear();
    // A lone surrogate, as in undecodable file names.
    const PyRef escaped = PyRef::Steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
    const char *const found = escaped ? PyBytes_AsString(escaped.get()) : nullptr;
    size = found == nullptr ? 0 : PyBytes_Size(escaped.get());  // it may have NUL characters
    PyErr_Clear();
    return found == nullptr ? "" : std::string(found, static_cast<size_t>(size));
  }
  return std::string(bytes, static_cast<size_t>(size));
}

std::vector<std::string> ToTexts(PyObject *list) {
  std::vector<std::string> texts;
  const Py_ssize_t count = list == nullptr ? 0 : PyList_Size(list);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *const text = PyList_GetItem(list, i);
    if (text == nullptr) break;
    texts.push_back(ToText(text));
  }
  PyErr_Clear();
  return texts;
}

PyObject *ItemOf(PyObject *tuple, Py_ssize_t index) {
  PyObject *const item = tuple == nullptr ? nullptr : PyTuple_GetItem(tuple, index);
  if (item == nullptr) PyErr_Clear();
  return item;
}

std::string Interpreter::Start(Kind kind, const std::string &folder, const std::string &argument) {
  Gil &gil = runtime_.gil();
  runtime_.ShareEnvironment();
  is_main_ = kind == Kind::kMain;
  PyThreadState *const state = is_main_ ? runtime_.main_state() : runtime_.NewInterpreter();
  if (state == nullptr) return "CPython could not create another interpreter";
  gil.Adopt(state);
  state_ = state;
  interpreter_ = PyInterpreterState_Get();
  runtime_.gil_requests().Add(interpreter_, state_);

  std::string error;
  if (!(EnterContext() && RunHelpers(folder, argument))) {
    error = TakeException().text;
    AwaitThreads(0);  // a .pth file may have started some
    Stop(OtherThreadsExist());
  } else {
    gil.SwitchTo(runtime_.main_state());
  }
  return error;
}

// Context variables, among them the context of `decimal`, would otherwise keep their values in the main interpreter.
bool Interpreter::EnterContext() {
  if (!is_main_) return true;
  context_ = PyRef::Steal(PyContext_New());
  return context_ && PyContext_Enter(context_.get()) == 0;
}

// Runs start.py and makes the interpreter ready for user code.
bool Interpreter::RunHelpers(const std::string &folder, const std::string &argument) {
  const PythonOptions &options = runtime_.options();
  helpers_ = PyRef::Steal(PyDict_New());
  if (!helpers_) return false;
  const PyRef name = PyRef::Steal(PyUnicode_FromString("_mmpy.start"));
  const PyRef file = PyRef::Steal(PyUnicode_DecodeFSDefault(options.bootstrap_path.c_str()));
  const PyRef none = PyRef::Steal(mmpy_none());
  PyObject *const kept = is_main_ ? runtime_.main().kept() : none.get();
  if (!name || !file || kept == nullptr || PyDict_SetItemString(helpers_.get(), "__name__", name.get()) != 0 ||
      PyDict_SetItemString(helpers_.get(), "__file__", file.get()) != 0 ||
      PyDict_SetItemString(helpers_.get(), "kept", kept) != 0 ||
      PyDict_SetItemString(helpers_.get(), "__builtins__", PyEval_GetBuiltins()) != 0) {
    return false;
  }
  for (PyMethodDef &function : native_functions) {
    const PyRef object = PyRef::Steal(PyCFunction_NewEx(&function, nullptr, nullptr));
    if (!object || PyDict_SetItemString(helpers_.get(), function.ml_name, object.get()) != 0) return false;
  }
  const std::string &bytes = runtime_.bootstrap_code();
  const PyRef compiled =
      PyRef::Steal(PyMarshal_ReadObjectFromString(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
  PyObject *const found = compiled ? PyDict_GetItemString(compiled.get(), "start") : nullptr;
  if (found == nullptr) return false;
  const PyRef code = PyRef::Borrow(found);  // start.py clears the dictionary
  if (PyDict_SetItemString(helpers_.get(), "compiled", compiled.get()) != 0 ||
      !PyRef::Steal(PyEval_EvalCode(code.get(), helpers_.get(), helpers_.get()))) {
    return false;
  }
  const PyRef path = PyRef::Steal(PyUnicode_DecodeFSDefault(folder.c_str()));
  const PyRef argv = PyRef::Steal(PyUnicode_DecodeFSDefault(argument.c_str()));
  return path && argv && CallHelper("prepare", {path.get(), argv.get()});
}

bool Interpreter::OtherThreadsExist() const {
  for (PyThreadState *state = PyInterpreterState_ThreadHead(interpreter_); state != nullptr;
       state = PyThreadState_Next(state)) {
    if (state != state_ && !(is_main_ && runtime_.main().IsLeft(state))) return true;
  }
  return false;
}

namespace {

// For a helper: how long to wait, in seconds.
PyRef SecondsUntil(uint64_t until_ms) {
  const uint64_t now = SteadyMs();
  return PyRef::Steal(PyFloat_FromDouble(until_ms > now ? static_cast<double>(until_ms - now) / 1000 : 0));
}

}  // namespace

void Interpreter::JoinThreads(uint64_t until_ms) {
  const PyRef seconds = SecondsUntil(until_ms);
  if (!seconds || !CallHelper("join_ordinary_threads", {seconds.get()})) PyErr_Clear();
}

std::vector<std::string> Interpreter::AwaitThreads(uint64_t until_ms) {
  Gil &gil = runtime_.gil();
  std::vector<std::string> threads_left;
  const PyRef seconds = SecondsUntil(until_ms);
  const PyRef names = seconds ? CallHelper("threads_left", {seconds.get()}) : PyRef();
  PyErr_Clear();  // the bootstrap code could not be compiled
  threads_left = ToTexts(names.get());
  gil.Pause();
  runtime_.gil_requests().Remove(interpreter_);
  gil.SwitchTo(state_);
  // A thread counts as ended for `threading` a moment before CPython forgets its thread state.
  constexpr int kTimeoutMs = 100;
  for (int i = 0; i < kTimeoutMs && threads_left.empty() && OtherThreadsExist(); ++i) {
    gil.Pause();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    gil.SwitchTo(state_);
  }
  if (threads_left.empty() && OtherThreadsExist())
    threads_left.push_back("(a thread that was not made by `threading`)");
  if (!threads_left.empty()) {
    // They may continue running; CPython itself prints their exceptions from now on.
    runtime_.gil_requests().Add(interpreter_, state_);
    CallHelper("stop_reporting", {});
    PyErr_Clear();
  }
  return threads_left;
}

bool Interpreter::MustStay() {
  const PyRef answer = CallHelper("must_stay", {});
  PyErr_Clear();
  return answer && mmpy_is_none(answer.get()) == 0;
}

bool Interpreter::SharesModules() const {
  // These don't support several interpreters in CPython 3.9 to 3.11, but only keep types and values.
  static const std::set<std::string> harmless = {"_opcode", "_socket", "_sre", "_struct", "gc"};
  const PyRef items = PyRef::Steal(PyDict_Items(PyImport_GetModuleDict()));
  PyObject *const built_in = PySys_GetObject("builtin_module_names");
  for (Py_ssize_t i = 0; items && i < PyList_Size(items.get()); ++i) {
    PyObject *const item = PyList_GetItem(items.get(), i);
    PyObject *const name = ItemOf(item, 0);
    PyObject *const module = ItemOf(item, 1);
    if (name == nullptr || module == nullptr) continue;
    const std::string text = ToText(name);
    if (runtime_.main_modules().count(text) != 0 || harmless.count(text) != 0) continue;
    if (mmpy_is_none(module) != 0) continue;  // its import is forbidden
    if (IsOwnCopy(module)) continue;
    if (PyModuleDef *const definition = PyModule_GetDef(module)) {
      if (PyState_FindModule(definition) != nullptr) return true;
      continue;  // supports several interpreters: not found this way
    }
    PyErr_Clear();  // not even a module
    // A copy from another interpreter has no definition; neither do modules written in Python.
    const std::string path = FileOf(module);
    const bool is_library = path.size() > 3 && path.compare(path.size() - 3, 3, ".so") == 0;
    const bool is_built_in = built_in != nullptr && PySequence_Contains(built_in, name) == 1;
    PyErr_Clear();
    if (is_library || is_built_in) return true;
  }
  PyErr_Clear();
  return !items;
}

void Interpreter::End() {
  if (is_main_) return Leave();
  CallHelper("refuse_threads", {});
  PyErr_Clear();
  helpers_ = PyRef();
  PyErr_Clear();
  runtime_.EndInterpreter(state_);
  state_ = nullptr;
}

void Interpreter::Leave() {
  if (!CallHelper("leave", {})) PyErr_Clear();  // the bootstrap code could not be compiled
  helpers_ = PyRef();
  // Fails if user code has entered another context and not left it, which then stays.
  if (context_) PyContext_Exit(context_.get());
  context_ = PyRef();
  PyErr_Clear();
  runtime_.main().NoteThreadsLeft();
  runtime_.main().Free();
  state_ = nullptr;
}

void Interpreter::Stop(bool threads_left) {
  if (is_main_) return Leave();
  if (!threads_left && !MustStay()) return End();
  if (!threads_left) CallForEffect("stop_reporting");
  helpers_ = PyRef();
  PyErr_Clear();
  runtime_.gil().SwitchTo(runtime_.main_state());
  state_ = nullptr;
}

PyRef Interpreter::FunctionType() const {
  PyObject *const one = helpers_ ? PyDict_GetItemString(helpers_.get(), "describe") : nullptr;
  return one == nullptr ? PyRef() : PyRef::Steal(PyObject_Type(one));
}

PyRef Interpreter::CallHelper(const char *name, std::initializer_list<PyObject *> arguments) {
  // Not PyDict_GetItemString(), for which a lack of memory is a lack of the function.
  const PyRef key = PyRef::Steal(PyUnicode_FromString(name));
  if (!key) return {};
  // Owned: user code can find the dictionary that it is in.
  const PyRef helper = PyRef::Borrow(helpers_ ? PyDict_GetItemWithError(helpers_.get(), key.get()) : nullptr);
  if (!helper) {
    if (PyErr_Occurred() != nullptr) return {};
    PyErr_Format(mmpy_exception_type(MMPY_RUNTIME_ERROR), "the bootstrap code has no %s()", name);
    return {};
  }
  PyRef result = PyRef::Steal(PyObject_Vectorcall(helper.get(), arguments.begin(), arguments.size(), nullptr));
  EndIfForked();  // by a finalizer, a module's top level or another function of user code
  return result;
}

PythonException Interpreter::TakeException() {
  const PyRef raised = TakeRaised();
  if (!raised) return {"SystemError", "an error without an exception", {}, {}, {}, "an error without an exception"};
  if (const PyRef description = CallHelper("describe_exception", {raised.get()})) return ToException(description.get());
  PyErr_Clear();  // the bootstrap code could not be compiled, or memory or the stack is used up
  return Undescribed(raised.get());
}

std::string Interpreter::Describe(PyObject *function) {
  std::string text;
  if (const PyRef name = CallHelper("describe", {function})) text = ToText(name.get());
  PyErr_Clear();
  return text.empty() ? "a function" : text;
}

std::string Interpreter::CallerPlace() {
  const PyRef place = CallHelper("caller_place", {});
  PyErr_Clear();
  return ToText(place.get());
}

}  // namespace mmpy
