#include "instance/python_instance.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "io/guard.h"
#include "io/stop_signals.h"
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

PythonException Undone(const std::string &why) { return {"midimonster.Stopped", why, {}, {}, {}, why}; }

// Reports what make() returns of a tuple's items. Returns whether an instance took it, or NULL with an exception set:
// user code can find the functions below, and call them with anything.
template <Py_ssize_t kCount, typename Make>
PyObject *TakeReport(PyObject *capsule, PyObject *arguments, Make make) {
  const auto *link = static_cast<const mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr));
  if (link == nullptr) return nullptr;
  PyObject *items[kCount];
  for (Py_ssize_t i = 0; i < kCount; ++i) {
    items[i] = PyTuple_GetItem(arguments, i);
    if (items[i] == nullptr) return nullptr;
  }
  bool taken = false;
  const auto take = [&] {
    Report report = make(items);  // first: it may run user code
    auto *const instance = InForkedChild() ? nullptr : static_cast<PythonInstance *>(link->reporter);
    if (instance == nullptr) return;
    instance->Tell(std::move(report));
    taken = true;
  };
  Guard(take, [](const char *) {});
  return PyLong_FromUnsignedLongLong(taken ? 1 : 0);
}

// Python-callable, for python/runtime/uncaught.py: report((role, subject, exception)).
PyObject *ReportFunction(PyObject *capsule, PyObject *arguments) {
  return TakeReport<3>(capsule, arguments, [](PyObject *const *items) {
    return Report{Report::Kind::kException, {}, ToText(items[0]), ToText(items[1]), "", {}, ToException(items[2])};
  });
}

// Python-callable, for python/runtime/logs.py: log((level, logger, text, file, line)).
PyObject *LogFunction(PyObject *capsule, PyObject *arguments) {
  return TakeReport<5>(capsule, arguments, [](PyObject *const *items) {
    const auto line = static_cast<double>(PyLong_AsLong(items[4]));
    PyErr_Clear();
    return Report{Report::Kind::kLog, {}, ToText(items[0]), ToText(items[1]), ToText(items[2]), line, {},
                  ToText(items[3])};
  });
}

PyMethodDef report_function = {"report", ReportFunction, METH_O, nullptr};
PyMethodDef log_function = {"log", LogFunction, METH_O, nullptr};

}  // namespace

PythonInstance::PythonInstance(Core &core, InstanceId id)
    : home_(core, id, *this, reports_, counters),
      lock_(PythonRuntime::Get(), home_.interpreter),
      channels_(home_),
      output_(home_, channels_),
      batches_(home_, channels_, output_),
      handlers_(home_, channels_, batches_),
      reports_(home_, channels_, handlers_),
      intervals_(home_),
      start_functions_(home_),
      sockets_(home_),
      cleanup_(home_),
      tasks_(home_) {
  home_.interpreter.SetResults(tasks_);
}

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
  {
    const WatchedStart watched(home_.watchdog, name + ": the start of its interpreter");
    std::string error = interpreter.Start(kind, folder, argument);
    if (!error.empty()) return error;
  }
  home_.watchdog.Name(interpreter.interpreter_state(), name);

  const GilScope own(runtime.gil(), state());
  auto link = std::make_unique<mmpy_link>(mmpy_link{this, this, pthread_self()});
  home_.capsule = PyRef::Steal(PyCapsule_New(link.get(), nullptr, [](PyObject *capsule) {
    const std::unique_ptr<mmpy_link> owned(static_cast<mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr)));
  }));
  if (!home_.capsule) return interpreter.TakeException().text;
  home_.link = link.release();
  const PyRef report = PyRef::Steal(PyCFunction_NewEx(&report_function, home_.capsule.get(), nullptr));
  if (!report || !interpreter.CallHelper("report_through", {report.get()})) return interpreter.TakeException().text;
  if (!SetUpOutput(folder)) return interpreter.TakeException().text;
  const PyRef module = PyRef::Steal(mmpy_module_new(home_.capsule.get()));
  if (!module || PyDict_SetItemString(PyImport_GetModuleDict(), "midimonster", module.get()) != 0) {
    return interpreter.TakeException().text;
  }
  return {};
}

// Where what user code prints and logs goes. False with an exception set if that fails.
bool PythonInstance::SetUpOutput(const std::string &folder) {
  Interpreter &interpreter = home_.interpreter;
  const PyRef log = PyRef::Steal(PyCFunction_NewEx(&log_function, home_.capsule.get(), nullptr));
  const PyRef python_folder = PyRef::Steal(PyUnicode_DecodeFSDefault(folder.c_str()));
  if (!log || !python_folder || !interpreter.CallHelper("log_through", {log.get(), python_folder.get()})) return false;
  const StreamFormats &formats = PythonRuntime::Get().stream_formats();
  if (formats.output.empty() && formats.errors.empty()) return true;
  const auto format = [](const std::string &text) {
    return PyRef::Steal(text.empty() ? mmpy_none() : PyUnicode_FromString(text.c_str()));
  };
  const PyRef name = PyRef::Steal(PyUnicode_DecodeFSDefault(home_.name.c_str()));
  const PyRef output = format(formats.output);
  const PyRef errors = format(formats.errors);
  return name && output && errors && interpreter.CallHelper("format_streams", {name.get(), output.get(), errors.get()});
}

std::optional<PythonException> PythonInstance::LoadModule(const std::string &value, const std::string &folder) {
  Interpreter &interpreter = home_.interpreter;
  // Otherwise each would get its time to end.
  if (StopSignalSeen()) return Undone("not loaded because of a signal to stop");
  const GilScope own(home_.gil, state());
  const WorkingDirectory inside(folder);
  const PyRef python_value = PyRef::Steal(PyUnicode_DecodeFSDefault(value.c_str()));
  const PyRef python_folder = PyRef::Steal(PyUnicode_DecodeFSDefault(folder.c_str()));
  if (!python_value || !python_folder) return interpreter.TakeException();
  const WatchedCall watched(home_.watchdog, AsLoading(), interpreter.interpreter_state());
  const PythonRuntime::AddressScope addresses(PythonRuntime::Get());
  const PyRef raised = interpreter.CallHelper("load_module", {python_value.get(), python_folder.get()});
  if (!raised) return interpreter.TakeException();
  if (mmpy_is_none(raised.get()) != 0) return {};
  PythonException exception = ToException(raised.get());
  if (!addresses.last().empty()) exception.address = addresses.last();
  return exception;
}

std::optional<PythonInstance::Idle> PythonInstance::IdleModule(const std::string &value) {
  const GilScope own(home_.gil, state());
  const PyRef text = PyRef::Steal(PyUnicode_DecodeFSDefault(value.c_str()));
  const PyRef found = text ? home_.interpreter.CallHelper("idle_module", {text.get()}) : PyRef();
  std::optional<Idle> idle;
  if (found && mmpy_is_none(found.get()) == 0) {
    idle = Idle{ToText(ItemOf(found.get(), 0)), ToText(ItemOf(found.get(), 1)), PyLong_AsLong(ItemOf(found.get(), 2))};
  }
  PyErr_Clear();
  return idle;
}

// Loading takes as long as it takes; but what waits for it should be said.
Watchdog::Running PythonInstance::AsLoading() const {
  Watchdog::Running running = home_.AsRunning("module", nullptr);
  running.limited = false;
  running.print_ms = 1000;
  return running;
}

void PythonInstance::FixChannels() {
  channels_.Fix();
  if (home_.reloading) DropOld();
}

std::vector<ResolveError> PythonInstance::Resolve(const std::vector<uint32_t> &channels,
                                                  const std::string &default_handler) {
  const GilScope own(home_.gil, state());
  std::vector<ResolveError> errors;
  {
    const WatchedCall watched(home_.watchdog, home_.AsSideEffect("search for handlers"),
                              home_.interpreter.interpreter_state());
    errors = handlers_.Resolve(channels, default_handler);
  }
  const WatchedCall watched(home_.watchdog, AsLoading(), home_.interpreter.interpreter_state());
  home_.interpreter.CallForEffect("import_expected");
  return errors;
}

void PythonInstance::Connected(ChannelId first, size_t count) {
  output_.Connected(first, count);
  channels_.Connected(count);
}

void PythonInstance::TakeHandlers() {
  if (!usable()) return;
  const GilScope own(home_.gil, state());
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("finalizers"), home_.interpreter.interpreter_state());
  handlers_.Take();
  takes_whole_batches_ =
      !handlers_.any();  // delivery then only stores values, and reading the clock would cost as much
}

void PythonInstance::Begin() {
  if (output_.started() || !usable()) return;
  // From now on output is sent at once; a socket function that outputs finds its channels only now.
  const int status = sockets_.Start();
  if (status < 0) {
    home_.Tell([&] { return Report{Report::Kind::kWatchFailed, home_.id, "socket", "", uv_strerror(status), {}}; });
  }
  output_.Start();
  tasks_.Begin();
}

void PythonInstance::Started() {
  if (!output_.started() || !usable()) return;
  const TimedCode timed = Timed();
  start_functions_.Run();
}

// Running

void PythonInstance::OnTimer(uint32_t timer) {
  if (!usable() || home_.ending) return;
  const TimedCode timed = Timed();
  if (timer == StartFunctions::kTimer) {
    start_functions_.Run();
  } else {
    intervals_.RunTimer(timer);
  }
}

void PythonInstance::FinishRound() {
  deferred_ = false;
  if (!usable()) return;  // it was removed in the middle of a round
  const TimedCode timed = Timed();
  home_.gil.SwitchTo(state());
  mmpy_now_running = {home_.capsule.get(), this};
  batches_.CallHandlers();
}

bool PythonInstance::Housekeep() {
  if (sockets_.empty() || home_.ending) return false;
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

// A value outside of 0..1 was output. Once a channel.
void PythonInstance::NoteClamped(PyObject *name, double value) {
  const uint32_t index = channels_.Find(name);
  if (index < Channels::kLookupFailed) channels_.ReportClamped(index, value);
  PyErr_Clear();
}

PyObject *PythonInstance::ChannelNames(mmpy_direction direction) {
  if (direction == MMPY_BOTH) return channels_.Names();
  return channels_.Names(
      home_.core.MappedChannels(output_.first_channel(), channels_.mapped(), direction == MMPY_INPUT));
}

PyObject *PythonInstance::Current() {
  if (!home_.core.OnLoopThread()) return mmpy_none();
  const uint32_t current = handlers_.current();
  return current == Channels::kNone ? tasks_.Current() : channels_.NameObject(current);
}

}  // namespace mmpy
