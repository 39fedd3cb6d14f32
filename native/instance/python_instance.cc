#include "instance/python_instance.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "io/guard.h"
#include "python/user_code.h"

namespace mmpy {

namespace {

// The process's working directory is `folder` for a scope. Modules open files beside them while they load, since the
// reference reads its configuration that way.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const std::string &folder) : before_(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    changed_ = before_ >= 0 && chdir(folder.c_str()) == 0;
  }
  ~WorkingDirectory() {
    if (changed_ && fchdir(before_) != 0) changed_ = false;  // nothing sensible is left to do
    if (before_ >= 0) close(before_);
  }
  WorkingDirectory(const WorkingDirectory &) = delete;
  WorkingDirectory &operator=(const WorkingDirectory &) = delete;

 private:
  const int before_;
  bool changed_ = false;
};

// Python-callable, for python/runtime/uncaught.py: report((role, subject, exception)). Returns whether an instance took
// it.
PyObject *ReportFunction(PyObject *capsule, PyObject *arguments) {
  const auto *link = static_cast<const mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr));
  if (link == nullptr) return nullptr;
  PyObject *parts[3];
  for (Py_ssize_t i = 0; i < 3; ++i) {
    parts[i] = PyTuple_GetItem(arguments, i);
    if (parts[i] == nullptr) return nullptr;
  }
  auto *instance = static_cast<PythonInstance *>(link->reporter);
  const auto report = [&] {
    if (instance != nullptr) instance->ReportUncaught(ToText(parts[0]), ToText(parts[1]), ToException(parts[2]));
  };
  Guard(report, [&](const char *) { instance = nullptr; });
  return PyLong_FromUnsignedLongLong(instance == nullptr ? 0 : 1);
}

PyMethodDef report_function = {"report", ReportFunction, METH_O, nullptr};

}  // namespace

PythonInstance::PythonInstance(Core &core, InstanceId id)
    : home_(core, id, *this, reports_),
      lock_(PythonRuntime::Get(), home_.interpreter),
      channels_(home_),
      output_(home_, channels_),
      batches_(home_, channels_, output_),
      handlers_(home_, channels_, batches_),
      reports_(home_, channels_, handlers_),
      intervals_(home_),
      sockets_(home_),
      cleanup_(home_) {}

PythonInstance::~PythonInstance() { Abandon(); }

// Building

std::string PythonInstance::Start(const std::string &name, const std::string &folder, const std::string &argument) {
  home_.name = name;
  PythonRuntime &runtime = PythonRuntime::Get();
  Interpreter &interpreter = home_.interpreter;
  const GilScope main(runtime.gil(), runtime.main_state());
  std::string error = interpreter.Start(folder, argument);
  if (!error.empty()) return error;

  const GilScope own(runtime.gil(), state());
  auto link = std::make_unique<mmpy_link>(mmpy_link{this, this, pthread_self()});
  home_.capsule = PyRef::Steal(PyCapsule_New(link.get(), nullptr, [](PyObject *capsule) {
    const std::unique_ptr<mmpy_link> owned(static_cast<mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr)));
  }));
  if (!home_.capsule) return interpreter.TakeException().text;
  home_.link = link.release();
  const PyRef report = PyRef::Steal(PyCFunction_NewEx(&report_function, home_.capsule.get(), nullptr));
  if (!report || !interpreter.CallHelper("report_through", {report.get()})) return interpreter.TakeException().text;
  const PyRef module = PyRef::Steal(mmpy_module_new(home_.capsule.get()));
  if (!module || PyDict_SetItemString(PyImport_GetModuleDict(), "midimonster", module.get()) != 0) {
    return interpreter.TakeException().text;
  }
  return {};
}

std::optional<PythonException> PythonInstance::LoadModule(const std::string &value, const std::string &folder) {
  Interpreter &interpreter = home_.interpreter;
  const GilScope own(home_.gil, state());
  const WorkingDirectory inside(folder);
  const PyRef python_value = PyRef::Steal(PyUnicode_DecodeFSDefault(value.c_str()));
  const PyRef python_folder = PyRef::Steal(PyUnicode_DecodeFSDefault(folder.c_str()));
  if (!python_value || !python_folder) return interpreter.TakeException();
  Watchdog::Running running = home_.AsRunning("module", nullptr);
  running.limited = false;
  const WatchedCall watched(home_.watchdog, running, interpreter.interpreter_state());
  const PyRef raised = interpreter.CallHelper("load_module", {python_value.get(), python_folder.get()});
  if (!raised) return interpreter.TakeException();
  if (mmpy_is_none(raised.get()) != 0) return {};
  return ToException(raised.get());
}

void PythonInstance::FixChannels() {
  channels_.Fix();
  if (home_.reloading) DropOld();
}

std::vector<ResolveError> PythonInstance::Resolve(const std::vector<uint32_t> &channels,
                                                  const std::string &default_handler) {
  const GilScope own(home_.gil, state());
  return handlers_.Resolve(channels, default_handler);
}

void PythonInstance::Connected(ChannelId first, size_t count) {
  output_.Connected(first, count);
  channels_.Connected(count);
}

void PythonInstance::TakeHandlers() {
  if (!usable()) return;
  const GilScope own(home_.gil, state());
  handlers_.Take();
  takes_whole_batches_ =
      !handlers_.any();  // delivery then only stores values, and reading the clock would cost as much
}

void PythonInstance::Begin() {
  if (output_.started() || !usable()) return;
  // From now on output is sent at once; a socket function that outputs finds its channels only now.
  const int status = sockets_.Start();
  if (status < 0) home_.AddReport({Report::Kind::kWatchFailed, home_.id, "socket", "", uv_strerror(status), {}});
  output_.Start();
}

// Running

void PythonInstance::FinishRound() {
  deferred_ = false;
  if (!usable()) return;  // it was removed in the middle of a round
  home_.gil.SwitchTo(state());
  mmpy_now_running = {home_.capsule.get(), this};
  batches_.CallHandlers();
}

bool PythonInstance::Housekeep() {
  if (sockets_.empty()) return false;
  const GilScope own(home_.gil, state());
  return sockets_.DropClosed();
}

PyObject *PythonInstance::InputValue(PyObject *name) {
  const uint32_t index = channels_.Find(name);
  if (index == Channels::kLookupFailed) return nullptr;
  return index == Channels::kNone ? mmpy_none() : PyFloat_FromDouble(channels_[index].input);
}

PyObject *PythonInstance::OutputValue(PyObject *name) {
  const uint32_t index = channels_.Find(name);
  if (index == Channels::kLookupFailed) return nullptr;
  return index == Channels::kNone ? mmpy_none() : PyFloat_FromDouble(channels_[index].output);
}

PyObject *PythonInstance::Current() {
  const uint32_t current = handlers_.current();
  return current == Channels::kNone || !home_.core.OnLoopThread() ? mmpy_none() : channels_.NameObject(current);
}

PyObject *PythonInstance::Previous() { return home_.interpreter.CallHelper("previous", {}).release(); }

// Reloading

// Calls a function of python/runtime/reload.py.
PyRef PythonInstance::CallReloading(const char *function, PyObject *first, PyObject *second) {
  const PyRef name = PyRef::Steal(PyUnicode_FromString(function));
  if (!name) return {};
  if (first == nullptr) return home_.interpreter.CallHelper("reloading", {name.get()});
  if (second == nullptr) return home_.interpreter.CallHelper("reloading", {name.get(), first});
  return home_.interpreter.CallHelper("reloading", {name.get(), first, second});
}

std::optional<PythonException> PythonInstance::ParseChanged() {
  const GilScope own(home_.gil, state());
  const PyRef raised = CallReloading("parse_changed");
  if (!raised) return home_.interpreter.TakeException();
  if (mmpy_is_none(raised.get()) != 0) return {};
  return ToException(raised.get());
}

void PythonInstance::BeginReload() {
  const GilScope own(home_.gil, state());
  home_.reloading = true;
  old_dropped_ = false;
  channels_.Begin();
  output_.Begin();
  batches_.Begin();
  handlers_.Begin();
  intervals_.Begin();
  sockets_.Begin();
  cleanup_.Begin();
}

PythonInstance::Reloaded PythonInstance::ReloadChanged() {
  const GilScope own(home_.gil, state());
  Watchdog::Running running = home_.AsRunning("module", nullptr);
  running.limited = false;
  const WatchedCall watched(home_.watchdog, running, home_.interpreter.interpreter_state());
  const PyRef result = CallReloading("reload_changed");
  if (!result) return {{}, home_.interpreter.TakeException()};
  Reloaded reloaded;
  PyObject *const names = PyTuple_GetItem(result.get(), 0);
  for (Py_ssize_t i = 0; i < PyList_Size(names); ++i) reloaded.modules.push_back(ToText(PyList_GetItem(names, i)));
  PyObject *const raised = PyTuple_GetItem(result.get(), 1);
  if (mmpy_is_none(raised) == 0) reloaded.exception = ToException(raised);
  return reloaded;
}

void PythonInstance::DropOld() {
  if (std::exchange(old_dropped_, true)) return;
  const GilScope own(home_.gil, state());
  const PyRef modules = CallReloading("reloaded_modules");
  if (!modules) {
    PyErr_Clear();
    return;
  }
  const IsMeant is_old = [&](PyObject *function) {
    const PyRef answer = CallReloading("belongs", function, modules.get());
    const bool belongs = answer && mmpy_is_none(answer.get()) == 0;
    PyErr_Clear();
    return belongs;
  };
  batches_.DropOld(is_old);
  intervals_.DropOld(is_old);
  sockets_.DropOld(is_old);
  cleanup_.DropOld(is_old);
}

void PythonInstance::EndReload(bool keep) {
  if (!home_.reloading) return;
  const GilScope own(home_.gil, state());
  if (keep) DropOld();
  home_.reloading = false;
  // Dropped objects are released here: that runs user code (__del__), for which the reload has ended.
  const auto end = [&](auto &...parts) { (..., (keep ? parts.Commit() : parts.Rollback())); };
  end(channels_, output_, batches_, handlers_, intervals_, sockets_, cleanup_);
  const PyRef kept = PyRef::Steal(PyLong_FromUnsignedLongLong(keep ? 1 : 0));
  if (!kept || !CallReloading("end_reload", kept.get())) PyErr_Clear();
}

std::vector<std::string> PythonInstance::SourceFiles() {
  const GilScope own(home_.gil, state());
  std::vector<std::string> files;
  const PyRef names = CallReloading("source_files");
  for (Py_ssize_t i = 0; names && i < PyList_Size(names.get()); ++i)
    files.push_back(ToText(PyList_GetItem(names.get(), i)));
  PyErr_Clear();
  return files;
}

// The end: the cleanup handler, then every reference into the interpreter, then the interpreter.

void PythonInstance::CleanUp() {
  if (state() == nullptr || home_.ending) return;
  home_.gil.SwitchTo(state());
  home_.ending = true;
  cleanup_.Run();
}

// The module's functions no longer find this instance.
void PythonInstance::Unlink() {
  if (home_.link != nullptr) home_.link->instance = nullptr;
  if (mmpy_now_running.instance == this) mmpy_now_running = {};
}

// Releasing runs user code (__del__), which may call the module's functions again: they refuse.
void PythonInstance::Clear() {
  home_.reloading = false;
  const auto clear = [](auto &...parts) { (..., parts.Clear()); };
  clear(sockets_, intervals_, handlers_, cleanup_, batches_, channels_);
}

// Our background threads may be inside the interpreter.
void PythonInstance::AwaitOthers() {
  home_.gil.Pause();
  home_.watchdog.Await();
  home_.gil.SwitchTo(state());
}

void PythonInstance::ReportThreadsLeft(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += text.empty() ? name : ", " + name;
  home_.core.news().reports.push_back({Report::Kind::kThreadsLeft, home_.id, "", "", text, {}});
}

void PythonInstance::Retire() {
  if (!usable()) return;
  CleanUp();
  // Not a GilScope, which would restore the previous state: that may be the one that ends.
  home_.gil.SwitchTo(state());
  Unlink();
  Clear();
  retired_ = true;
  const std::vector<std::string> threads_left = home_.interpreter.StopThreads();
  if (threads_left.empty() && !home_.interpreter.MustStay() && !home_.interpreter.SharesModules()) {
    AwaitOthers();
    home_.link = nullptr;
    home_.capsule = PyRef();
    home_.interpreter.End();
    return;
  }
  // It ends with the core, if at all: other interpreters may depend on its extension modules, or it has threads left.
  if (!home_.interpreter.CallHelper("forget_modules", {})) PyErr_Clear();
  if (!threads_left.empty()) ReportThreadsLeft(threads_left);
}

bool PythonInstance::Stop() {
  if (state() == nullptr) return true;
  home_.gil.SwitchTo(state());  // see Retire()
  Unlink();
  Clear();
  AwaitOthers();
  home_.link = nullptr;
  home_.capsule = PyRef();
  const std::vector<std::string> threads_left = home_.interpreter.Stop();
  if (threads_left.empty()) return true;
  ReportThreadsLeft(threads_left);
  return false;
}

// Releasing references could run user code (__del__), which the environment no longer supports: they are kept until the
// process ends.
void PythonInstance::Abandon() {
  if (state() == nullptr) return;
  if (home_.link != nullptr) home_.link->reporter = nullptr;
  Unlink();
  const auto abandon = [](auto &...parts) { (..., parts.Abandon()); };
  abandon(sockets_, intervals_, handlers_, cleanup_, batches_, channels_);
  home_.capsule.release();
  home_.interpreter.Abandon();
}

}  // namespace mmpy
