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
  auto *instance = InForkedChild() ? nullptr : static_cast<PythonInstance *>(link->reporter);
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

std::string PythonInstance::Start(Interpreter::Kind kind, const std::string &name, const std::string &folder,
                                  const std::string &argument) {
  home_.name = name;
  PythonRuntime &runtime = PythonRuntime::Get();
  Interpreter &interpreter = home_.interpreter;
  const GilScope main(runtime.gil(), runtime.main_state());
  if (kind == Interpreter::Kind::kMain) {
    if (runtime.main().holder()) return "CPython's main interpreter is in use";
    runtime.main().Take({name, &home_.core});
  }
  std::string error = interpreter.Start(kind, folder, argument);
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

}  // namespace mmpy
