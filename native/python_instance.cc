#include "python_instance.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace mmpy {

namespace {

// A socket function that raises this often in a row is unregistered: what it does not read stays readable, and the loop
// would spin.
constexpr unsigned kMostFailures = 10;

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

// Replaces the current exception, a TypeError with CPython's own terse words, by one that names the type found.
void RaiseNotAString(PyObject *found) {
  if (PyErr_ExceptionMatches(mmpy_exception_type(MMPY_TYPE_ERROR)) == 0) return;
  PyErr_Clear();
  const PyRef type = PyRef::Steal(PyObject_Type(found));
  const PyRef name = type ? PyRef::Steal(PyObject_GetAttrString(type.get(), "__name__")) : PyRef();
  const std::string text = name ? ToText(name.get()) : "?";
  PyErr_Clear();
  PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR), "the channel's name must be str, not %s", text.c_str());
}

void RaiseOsError(int error, const char *message) {
  const PyRef arguments = PyRef::Steal(Py_BuildValue("(is)", error, message));
  if (arguments) PyErr_SetObject(mmpy_exception_type(MMPY_OS_ERROR), arguments.get());
}

}  // namespace

PythonInstance::PythonInstance(Core &core, InstanceId id) : core_(core), id_(id), interpreter_(PythonRuntime::Get()) {}

PythonInstance::~PythonInstance() { Abandon(); }

// Building

std::string PythonInstance::Start(const std::string &folder, const std::string &argument) {
  PythonRuntime &runtime = PythonRuntime::Get();
  const GilScope main(runtime.gil(), runtime.main_state());
  std::string error = interpreter_.Start(folder, argument);
  if (!error.empty()) return error;

  const GilScope own(runtime.gil(), state());
  auto link = std::make_unique<mmpy_link>(mmpy_link{this});
  capsule_ = PyRef::Steal(PyCapsule_New(link.get(), nullptr, [](PyObject *capsule) {
    const std::unique_ptr<mmpy_link> owned(static_cast<mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr)));
  }));
  if (!capsule_) return interpreter_.TakeException();
  link_ = link.release();
  const PyRef module = PyRef::Steal(mmpy_module_new(capsule_.get()));
  if (!module || PyDict_SetItemString(PyImport_GetModuleDict(), "midimonster", module.get()) != 0) {
    return interpreter_.TakeException();
  }
  return {};
}

std::string PythonInstance::LoadModule(const std::string &value, const std::string &folder) {
  const Core::Entry entry(core_);
  const GilScope own(PythonRuntime::Get().gil(), state());
  const WorkingDirectory inside(folder);
  const PyRef python_value = PyRef::Steal(PyUnicode_DecodeFSDefault(value.c_str()));
  const PyRef python_folder = PyRef::Steal(PyUnicode_DecodeFSDefault(folder.c_str()));
  if (!python_value || !python_folder) return interpreter_.TakeException();
  const PyRef traceback = interpreter_.CallHelper("load_module", {python_value.get(), python_folder.get()});
  if (!traceback) return interpreter_.TakeException();
  return mmpy_is_none(traceback.get()) != 0 ? std::string() : ToText(traceback.get());
}

void PythonInstance::AddChannel(std::string_view name) {
  names_.Add(name);
  channels_.resize(names_.size());
}

std::vector<ResolveError> PythonInstance::Resolve(const std::vector<uint32_t> &channels,
                                                  const std::string &default_handler) {
  const Core::Entry entry(core_);
  const GilScope own(PythonRuntime::Get().gil(), state());
  std::vector<ResolveError> errors;

  const auto resolve = [&](std::string_view name, uint32_t channel) -> PyRef {
    const PyRef text = PyRef::Steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
    const PyRef found = text ? interpreter_.CallHelper("resolve", {text.get()}) : PyRef();
    if (!found) {
      errors.push_back({channel, interpreter_.TakeException(), {}});
      return {};
    }
    PyObject *function = PyTuple_GetItem(found.get(), 0);
    PyObject *problem = PyTuple_GetItem(found.get(), 1);
    if (mmpy_is_none(problem) == 0) {
      ResolveError error{channel, ToText(problem), {}};
      PyObject *candidates = PyTuple_GetItem(found.get(), 2);
      for (Py_ssize_t i = 0; i < PyList_Size(candidates); ++i) {
        error.candidates.push_back(ToText(PyList_GetItem(candidates, i)));
      }
      errors.push_back(std::move(error));
    }
    return mmpy_is_none(function) != 0 ? PyRef() : PyRef::Borrow(function);
  };

  PyRef fallback;
  if (!default_handler.empty()) {
    fallback = resolve(default_handler, ChannelTable::kNone);
    if (!fallback && errors.empty()) errors.push_back({ChannelTable::kNone, "it is not a module's function", {}});
  }
  for (const uint32_t channel : channels) {
    const std::string_view name = names_.name(channel);
    const bool dotted = name.find('.') != std::string_view::npos;
    channels_[channel].handler = !dotted && fallback ? fallback : resolve(name, channel);
  }
  return errors;
}

void PythonInstance::Begin() {
  started_ = true;
  name_cache_.Reserve(channels_.size());
  // Not before: a socket function that outputs finds its channels only now.
  const int status = fd_watcher_.Start(core_.loop(), core_.handles());
  if (status < 0) {
    core_.news().reports.push_back({Report::Kind::kWatchFailed, id_, "socket", "", uv_strerror(status), {}});
  }
  for (uint32_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i].initial) core_.Emit(first_channel_ + i, channels_[i].output);
  }
}

// The event path

void PythonInstance::Deliver(const Event *events, size_t count) {
  PythonRuntime::Get().gil().SwitchTo(state());
  for (const Event *event = events; event != events + count; ++event) {
    const uint32_t index = event->channel - first_channel_;
    // Stays valid during the call: no channel is added once the core runs.
    Channel &channel = channels_[index];
    if (channel.handler) {
      PyObject *const value = PyFloat_FromDouble(event->value);
      // The free slot in front lets CPython prepend `self` for a bound method without copying the arguments.
      PyObject *slots[2] = {nullptr, value};
      current_ = index;
      PyObject *const result = value == nullptr ? nullptr
                                                : PyObject_Vectorcall(channel.handler.get(), slots + 1,
                                                                      1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
      current_ = ChannelTable::kNone;
      if (value != nullptr) Py_DecRef(value);
      if (result != nullptr) {
        Py_DecRef(result);
      } else {
        ReportHandlerException(index, event->value);
      }
    }
    channel.input = event->value;
  }
}

// The index of the channel that `name` names, kNone, or kLookupFailed with an exception set.
uint32_t PythonInstance::FindChannel(PyObject *name) {
  const uint32_t cached = name_cache_.Find(name, ChannelTable::kNone);
  if (cached != ChannelTable::kNone) return cached;
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) {
    RaiseNotAString(name);
    return kLookupFailed;
  }
  const uint32_t found = names_.Find(std::string_view(text, static_cast<size_t>(size)));
  if (found != ChannelTable::kNone) name_cache_.Remember(name, found);
  return found;
}

int PythonInstance::Output(PyObject *name, double value) {
  uint32_t index = FindChannel(name);
  if (index == kLookupFailed) return -1;
  if (index == ChannelTable::kNone) {
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text == nullptr) return -1;
    const std::string_view view(text, static_cast<size_t>(size));
    if (started_) {
      ReportUnknown(view);
      return 0;
    }
    index = names_.Add(view);
    channels_.resize(names_.size());
  }
  channels_[index].output = value;
  if (!started_) {
    channels_[index].initial = true;
    return 0;
  }
  core_.Emit(first_channel_ + index, value);
  if (!core_.entered()) core_.Wake();  // a Python thread, while the core idles
  return 0;
}

// Calls a function of user code with one argument, or with none.
PyRef PythonInstance::Call(PyObject *function, PyObject *argument) {
  PyObject *slots[2] = {nullptr, argument};
  const size_t count = argument == nullptr ? 0 : 1;
  return PyRef::Steal(PyObject_Vectorcall(function, slots + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
}

void PythonInstance::ReportHandlerException(uint32_t channel, double value) {
  std::string text = interpreter_.TakeException();
  core_.news().reports.push_back(
      {Report::Kind::kException, id_, "handler", std::string(names_.name(channel)), std::move(text), value});
}

void PythonInstance::ReportException(const char *role, PyObject *function, std::optional<double> value) {
  // The exception first: naming the function runs Python code, which must not find one pending.
  std::string text = interpreter_.TakeException();
  core_.news().reports.push_back(
      {Report::Kind::kException, id_, role, interpreter_.Describe(function), std::move(text), value});
}

void PythonInstance::ReportUnknown(std::string_view name) {
  constexpr size_t kMostNames = 1000;  // names may be made up without end
  const auto place = std::lower_bound(unknown_.begin(), unknown_.end(), name);
  if ((place != unknown_.end() && *place == name) || unknown_.size() >= kMostNames) return;
  unknown_.emplace(place, name);
  core_.news().reports.push_back({Report::Kind::kUnknownChannel, id_, "", std::string(name), "", {}});
  if (!core_.entered()) core_.Wake();
}

// Values and names

PyObject *PythonInstance::InputValue(PyObject *name) {
  const uint32_t index = FindChannel(name);
  if (index == kLookupFailed) return nullptr;
  return index == ChannelTable::kNone ? mmpy_none() : PyFloat_FromDouble(channels_[index].input);
}

PyObject *PythonInstance::OutputValue(PyObject *name) {
  const uint32_t index = FindChannel(name);
  if (index == kLookupFailed) return nullptr;
  return index == ChannelTable::kNone ? mmpy_none() : PyFloat_FromDouble(channels_[index].output);
}

PyObject *PythonInstance::Current() const {
  if (current_ == ChannelTable::kNone || !core_.OnLoopThread()) return mmpy_none();
  const std::string_view name = names_.name(current_);
  return PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
}

PyObject *PythonInstance::Channels() const {
  PyRef list = PyRef::Steal(PyList_New(names_.size()));
  if (!list) return nullptr;
  for (uint32_t i = 0; i < names_.size(); ++i) {
    const std::string_view name = names_.name(i);
    PyObject *text = PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
    if (text == nullptr || PyList_SetItem(list.get(), i, text) != 0) return nullptr;
  }
  return list.release();
}

PyObject *PythonInstance::CleanupHandler(PyObject *function) {
  PyRef replaced = std::exchange(cleanup_handler_, mmpy_is_none(function) != 0 ? PyRef() : PyRef::Borrow(function));
  return replaced ? replaced.release() : mmpy_none();
}

// Intervals

int PythonInstance::Interval(PyObject *function, unsigned long long period_ms) {
  // Comparing runs user code, which may register and cancel: compare against a copy, then look the winner up again.
  const std::vector<IntervalEntry> snapshot = intervals_;
  uint32_t id = UINT32_MAX;
  for (const IntervalEntry &entry : snapshot) {
    const int equal = PyObject_RichCompareBool(function, entry.function.get(), Py_EQ);
    if (equal < 0) return -1;
    if (equal > 0) {
      id = entry.id;
      break;
    }
  }
  const auto place =
      std::find_if(intervals_.begin(), intervals_.end(), [&](const IntervalEntry &entry) { return entry.id == id; });
  PyRef cancelled;
  if (place == intervals_.end()) {
    if (period_ms == 0) return 0;
    id = next_interval_++;
    intervals_.push_back({id, PyRef::Borrow(function)});
  } else if (period_ms == 0) {
    cancelled = std::move(place->function);
    intervals_.erase(place);
  }
  core_.news().intervals.push_back({id_, id, static_cast<double>(period_ms), static_cast<double>(core_.now_ms())});
  if (!core_.entered()) core_.Wake();
  return 0;
}

void PythonInstance::RunInterval(uint32_t interval) {
  const auto place = std::find_if(intervals_.begin(), intervals_.end(),
                                  [&](const IntervalEntry &entry) { return entry.id == interval; });
  if (place == intervals_.end()) return;  // cancelled by one that was due at the same time
  const GilScope own(PythonRuntime::Get().gil(), state());
  const PyRef function = place->function;  // it may cancel itself
  if (!Call(function.get(), nullptr)) ReportException("interval", function.get());
}

// Sockets

PythonInstance::Watches::iterator PythonInstance::FindDescriptor(int fd) {
  return std::find_if(watches_.begin(), watches_.end(), [&](const auto &entry) { return entry.second.fd == fd; });
}

// Asks an object for its descriptor. Returns 0, or -1 with an exception set.
int PythonInstance::DescriptorOf(PyObject *socket, int *descriptor) {
  const PyRef method = PyRef::Steal(PyObject_GetAttrString(socket, "fileno"));
  if (!method) {
    PyErr_Clear();
    PyErr_SetString(mmpy_exception_type(MMPY_TYPE_ERROR), "manage() requires a socket-like object, with fileno()");
    return -1;
  }
  const PyRef number = Call(method.get(), nullptr);
  if (!number) return -1;
  const long value = PyLong_AsLong(number.get());
  if (value == -1 && PyErr_Occurred() != nullptr) return -1;
  *descriptor = value < 0 || value > INT32_MAX ? -1 : static_cast<int>(value);
  return 0;
}

void PythonInstance::ForgetWatch(WatchId id, Report::Kind kind) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) return;
  const Watch watch = std::move(place->second);  // released after the table is whole again
  watches_.erase(place);
  fd_watcher_.Remove(watch.fd);
  core_.news().reports.push_back(
      {kind, id_, "socket", interpreter_.Describe(watch.function.get()), "", static_cast<double>(watch.fd)});
}

// Drops a watch whose object no longer has the descriptor that it was registered with. Returns whether it is gone.
bool PythonInstance::DropIfClosed(WatchId id) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) return true;
  const int fd = place->second.fd;
  const PyRef socket = place->second.socket;  // fileno() is user code and may unregister it
  int descriptor = -1;
  if (DescriptorOf(socket.get(), &descriptor) != 0) PyErr_Clear();
  if (descriptor == fd && fcntl(fd, F_GETFD) >= 0) return watches_.count(id) == 0;
  ForgetWatch(id, Report::Kind::kSocketClosed);
  return true;
}

bool PythonInstance::DropClosedSockets() {
  if (watches_.empty()) return false;
  const GilScope own(PythonRuntime::Get().gil(), state());
  std::vector<WatchId> ids;
  for (const auto &entry : watches_) ids.push_back(entry.first);
  for (const WatchId id : ids) DropIfClosed(id);
  return !watches_.empty();
}

namespace {

int RequireLoopThread(const Core &core) {
  if (core.OnLoopThread()) return 0;
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR),
                  "manage() must be called from a handler, an interval or while the module loads, not from a thread");
  return -1;
}

}  // namespace

int PythonInstance::Manage(PyObject *function, PyObject *socket) {
  if (RequireLoopThread(core_) != 0) return -1;
  int fd = -1;
  if (DescriptorOf(socket, &fd) != 0) return -1;
  if (fd < 0) {
    PyErr_SetString(mmpy_exception_type(MMPY_VALUE_ERROR), "manage() requires an open socket; this one is closed");
    return -1;
  }

  // The same number is the same socket, unless its old object says that it is closed.
  auto place = FindDescriptor(fd);
  if (place != watches_.end() && !DropIfClosed(place->first)) {
    place = FindDescriptor(fd);
    if (place != watches_.end()) {
      const Watch replaced = std::exchange(place->second, {fd, PyRef::Borrow(function), PyRef::Borrow(socket)});
      return 0;
    }
  }

  const WatchId id = next_watch_++;
  const int error = fd_watcher_.Add(fd, id);
  if (error == EPERM) {
    RaiseOsError(EPERM,
                 "manage() needs something that can be waited for, like a socket or a pipe; a regular file can't");
    return -1;
  }
  if (error != 0) {
    RaiseOsError(error, strerror(error));
    return -1;
  }
  watches_.insert({id, {fd, PyRef::Borrow(function), PyRef::Borrow(socket)}});
  core_.StartHousekeeping();
  return 0;
}

int PythonInstance::Unmanage(PyObject *socket) {
  if (RequireLoopThread(core_) != 0) return -1;
  // The same object first: it may be closed and have no number any more.
  auto place = std::find_if(watches_.begin(), watches_.end(),
                            [&](const auto &entry) { return entry.second.socket.get() == socket; });
  if (place == watches_.end()) {
    int fd = -1;
    if (DescriptorOf(socket, &fd) != 0) return -1;
    place = FindDescriptor(fd);
  }
  if (place == watches_.end()) return 0;
  const Watch watch = std::move(place->second);
  watches_.erase(place);
  fd_watcher_.Remove(watch.fd);
  return 0;
}

void PythonInstance::OnReadable(const std::vector<WatchId> &watches) {
  const Core::Entry entry(core_);
  const GilScope own(PythonRuntime::Get().gil(), state());
  for (const WatchId id : watches) HandleReadable(id);
}

void PythonInstance::HandleReadable(WatchId id) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) {
    // Unregistered by a handler of the same iteration, or closed while a copy of it lives on elsewhere.
    std::vector<std::pair<int, WatchId>> members;
    for (const auto &member : watches_) members.push_back({member.second.fd, member.first});
    fd_watcher_.Rebuild(members);
    return;
  }
  if (DropIfClosed(id)) return;
  const int fd = place->second.fd;
  // It may register another function in its place, or unregister itself.
  const PyRef function = place->second.function;
  const PyRef socket = place->second.socket;
  const bool succeeded = static_cast<bool>(Call(function.get(), socket.get()));
  if (!succeeded) ReportException("socket", function.get(), fd);

  const auto after = watches_.find(id);
  if (after == watches_.end() || DropIfClosed(id)) return;
  after->second.failures = succeeded ? 0 : after->second.failures + 1;
  if (after->second.failures >= kMostFailures) ForgetWatch(id, Report::Kind::kSocketDisabled);
}

// The end

void PythonInstance::DropReferences() {
  // Moved out first: releasing runs user code (__del__), which may call the module's functions once more.
  fd_watcher_.Close();
  const Watches watches = std::exchange(watches_, {});
  const std::vector<IntervalEntry> intervals = std::exchange(intervals_, {});
  const std::vector<Channel> channels = std::exchange(channels_, {});
  const PyRef cleanup = std::exchange(cleanup_handler_, {});
  const PyRef capsule = std::exchange(capsule_, {});
  name_cache_.Clear();
}

void PythonInstance::Stop() {
  if (state() == nullptr) return;
  // Not a GilScope, which would make the state that was current before current again: that may be the one that ends.
  PythonRuntime::Get().gil().SwitchTo(state());

  if (const PyRef cleanup = std::exchange(cleanup_handler_, {})) {
    if (!Call(cleanup.get(), nullptr)) ReportException("cleanup handler", cleanup.get());
  }
  if (link_ != nullptr) link_->instance = nullptr;
  link_ = nullptr;
  DropReferences();

  std::string names;
  for (const std::string &name : interpreter_.Stop()) names += names.empty() ? name : ", " + name;
  if (!names.empty()) core_.news().reports.push_back({Report::Kind::kThreadsLeft, id_, "", "", names, {}});
}

void PythonInstance::Abandon() {
  if (link_ != nullptr) link_->instance = nullptr;
  link_ = nullptr;
  // Nothing may be released without the GIL, which this thread may not be able to get: it stays with the process.
  fd_watcher_.Close();
  for (auto &entry : watches_) {
    entry.second.function.release();
    entry.second.socket.release();
  }
  for (IntervalEntry &entry : intervals_) entry.function.release();
  for (Channel &channel : channels_) channel.handler.release();
  cleanup_handler_.release();
  capsule_.release();
  name_cache_.Abandon();
  interpreter_.Abandon();
}

}  // namespace mmpy

// The module's side

namespace {

mmpy::PythonInstance &Self(mmpy_instance *instance) { return *static_cast<mmpy::PythonInstance *>(instance); }

}  // namespace

int mmpy_instance_output(mmpy_instance *instance, PyObject *name, double value) {
  return Self(instance).Output(name, value);
}
PyObject *mmpy_instance_input_value(mmpy_instance *instance, PyObject *name) { return Self(instance).InputValue(name); }
PyObject *mmpy_instance_output_value(mmpy_instance *instance, PyObject *name) {
  return Self(instance).OutputValue(name);
}
PyObject *mmpy_instance_current(mmpy_instance *instance) { return Self(instance).Current(); }
unsigned long long mmpy_instance_timestamp(mmpy_instance *instance) { return Self(instance).Timestamp(); }
int mmpy_instance_interval(mmpy_instance *instance, PyObject *function, unsigned long long period_ms) {
  return Self(instance).Interval(function, period_ms);
}
int mmpy_instance_manage(mmpy_instance *instance, PyObject *function, PyObject *socket) {
  return Self(instance).Manage(function, socket);
}
int mmpy_instance_unmanage(mmpy_instance *instance, PyObject *socket) { return Self(instance).Unmanage(socket); }
PyObject *mmpy_instance_channels(mmpy_instance *instance) { return Self(instance).Channels(); }
PyObject *mmpy_instance_cleanup_handler(mmpy_instance *instance, PyObject *function) {
  return Self(instance).CleanupHandler(function);
}
