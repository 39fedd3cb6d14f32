#include "instance/python_instance.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

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

// Python-callable, for python/runtime/uncaught.py: report((role, subject, exception)). Returns whether anybody was
// there to take it.
PyObject *ReportFunction(PyObject *capsule, PyObject *arguments) {
  const auto *link = static_cast<const mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr));
  if (link == nullptr) return nullptr;
  PyObject *parts[3];
  for (Py_ssize_t i = 0; i < 3; ++i) {
    parts[i] = PyTuple_GetItem(arguments, i);
    if (parts[i] == nullptr) return nullptr;
  }
  auto *const instance = static_cast<PythonInstance *>(link->reporter);
  if (instance != nullptr) instance->ReportUncaught(ToText(parts[0]), ToText(parts[1]), ToException(parts[2]));
  return PyLong_FromUnsignedLongLong(instance == nullptr ? 0 : 1);
}

PyMethodDef report_function = {"report", ReportFunction, METH_O, nullptr};

}  // namespace

PythonInstance::PythonInstance(Core &core, InstanceId id)
    : core_(core),
      id_(id),
      gil_(PythonRuntime::Get().gil()),
      watchdog_(PythonRuntime::Get().watchdog()),
      interpreter_(PythonRuntime::Get()),
      lock_(PythonRuntime::Get(), interpreter_),
      sockets_(core, id, interpreter_, *this) {}

PythonInstance::~PythonInstance() { Abandon(); }

// Building

std::string PythonInstance::Start(const std::string &name, const std::string &folder, const std::string &argument) {
  name_ = name;
  PythonRuntime &runtime = PythonRuntime::Get();
  const GilScope main(runtime.gil(), runtime.main_state());
  std::string error = interpreter_.Start(folder, argument);
  if (!error.empty()) return error;

  const GilScope own(runtime.gil(), state());
  auto link = std::make_unique<mmpy_link>(mmpy_link{this, this, pthread_self()});
  capsule_ = PyRef::Steal(PyCapsule_New(link.get(), nullptr, [](PyObject *capsule) {
    const std::unique_ptr<mmpy_link> owned(static_cast<mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr)));
  }));
  if (!capsule_) return interpreter_.TakeException().text;
  link_ = link.release();
  const PyRef report = PyRef::Steal(PyCFunction_NewEx(&report_function, capsule_.get(), nullptr));
  if (!report || !interpreter_.CallHelper("report_through", {report.get()})) return interpreter_.TakeException().text;
  const PyRef module = PyRef::Steal(mmpy_module_new(capsule_.get()));
  if (!module || PyDict_SetItemString(PyImport_GetModuleDict(), "midimonster", module.get()) != 0) {
    return interpreter_.TakeException().text;
  }
  return {};
}

std::optional<PythonException> PythonInstance::LoadModule(const std::string &value, const std::string &folder) {
  const Core::Entry entry(core_);
  const GilScope own(PythonRuntime::Get().gil(), state());
  const WorkingDirectory inside(folder);
  const PyRef python_value = PyRef::Steal(PyUnicode_DecodeFSDefault(value.c_str()));
  const PyRef python_folder = PyRef::Steal(PyUnicode_DecodeFSDefault(folder.c_str()));
  if (!python_value || !python_folder) return interpreter_.TakeException();
  const WatchedCall watched(watchdog_, {this, "module", nullptr, false}, interpreter_state());
  const PyRef raised = interpreter_.CallHelper("load_module", {python_value.get(), python_folder.get()});
  if (!raised) return interpreter_.TakeException();
  if (mmpy_is_none(raised.get()) != 0) return {};
  return ToException(raised.get());
}

uint32_t PythonInstance::AddChannel(std::string_view name) {
  const uint32_t index = names_.Add(name);
  channels_.resize(names_.size());
  DecideNoting();
  return index;
}

void PythonInstance::Begin() {
  if (started_ || retired_ || state() == nullptr) return;
  started_ = true;
  // Not before: a socket function that outputs finds its channels only now.
  const int status = sockets_.Start();
  if (status < 0) {
    core_.news().reports.push_back({Report::Kind::kWatchFailed, id_, "socket", "", uv_strerror(status), {}});
  }
  for (uint32_t i = 0; i < routed_; ++i) {
    if (channels_[i].initial) core_.Emit(first_channel_ + i, channels_[i].output);
  }
}

// The event path

inline void PythonInstance::NoteInBatches(const Channel &channel, double value) {
  for (uint32_t at = channel.batch_place; at != kNoPlace; at = batch_places_[at].next) {
    const BatchPlace &place = batch_places_[at];
    ChannelBatch &batch = *batches_[place.batch];
    batch.inputs[place.position] = value;
    if (!batch.handler || batch.is_changed[place.position] != 0) continue;
    if (batch.changed_count == 0) {
      batches_due_.push_back(place.batch);
      put_off_ = true;
    }
    batch.is_changed[place.position] = 1;
    batch.changed[batch.changed_count++] = place.position;
  }
}

void PythonInstance::Deliver(const Event *events, size_t count) {
  if (count > size_t{Lookahead::kEvents} && lookahead_.active()) {
    DeliverEvents<true>(events, count);
  } else {
    DeliverEvents<false>(events, count);
  }
}

template <bool kLookAhead>
void PythonInstance::DeliverEvents(const Event *events, size_t count) {
  gil_.SwitchTo(state());
  Watchdog &watchdog = watchdog_;
  watchdog.Expect(&as_running_, interpreter_state());
  mmpy_now_running = {capsule_.get(), this};
  // They stay where they are: no channel is added once the core runs.
  Channel *const channels = channels_.data();
  const ChannelId first = first_channel_;
  const Event *const end = events + count;
  for (const Event *event = events; event != end; ++event) {
    const uint32_t index = event->channel - first;
    Channel &channel = channels[index];
    if (kLookAhead && end - event > ptrdiff_t{Lookahead::kEvents}) {
      const uint32_t soon = event[Lookahead::kEvents].channel - first;
      lookahead_.Fetch(soon, channels[soon].handler.get(), name_cache_);
    }
    if (channel.handler) {
      PyObject *const value = PyFloat_FromDouble(event->value);
      // The free slot in front lets CPython prepend `self` for a bound method without copying the arguments.
      PyObject *slots[2] = {nullptr, value};
      current_ = index;
      watchdog.Begin();
      PyObject *const result = value == nullptr ? nullptr
                                                : PyObject_Vectorcall(channel.handler.get(), slots + 1,
                                                                      1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
      current_ = ChannelTable::kNone;
      if (value != nullptr) Py_DecRef(value);
      if (result != nullptr) {
        mmpy_drop(result);
      } else {
        ReportHandlerException(index, event->value);
      }
    }
    channel.input = event->value;
    if (channel.batch_place != kNoPlace) NoteInBatches(channel, event->value);
  }
  watchdog.End();
}

void PythonInstance::FinishRound() {
  put_off_ = false;
  gil_.SwitchTo(state());
  mmpy_now_running = {capsule_.get(), this};
  for (const uint32_t number : std::exchange(batches_due_, {})) {
    // A reload may have come between the event and now.
    if (batches_[number] == nullptr) continue;
    ChannelBatch &batch = *batches_[number];
    if (batch.handler && !CallUser(interpreter_, {this, "batch handler", batch.handler.get()}, batch.object.get()))
      ReportException(core_, id_, interpreter_, "batch handler", batch.handler.get());
    std::fill(batch.is_changed.begin(), batch.is_changed.end(), 0);
    batch.changed_count = 0;
  }
}

uint32_t PythonInstance::FindUncached(PyObject *name) {
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) {
    RaiseNotAString(name);
    return kLookupFailed;
  }
  const uint32_t found = names_.Find(std::string_view(text, static_cast<size_t>(size)));
  if (found == ChannelTable::kNone) return found;
  name_cache_.Remember(name, found, names_.size());
  // That may have released a string with a destructor of its own, and let the instance stop meanwhile.
  return RefuseIfStopped() ? kLookupFailed : found;
}

// Called after user code has run on behalf of one of the module's functions: it may have let go of the GIL for as long
// as the stop took. Returns true with an exception set if so.
bool PythonInstance::RefuseIfStopped() const {
  if (link_ != nullptr) return false;
  PyErr_Clear();
  mmpy_raise_stopped(core_.OnLoopThread() ? 1 : 0);
  return true;
}

// For a name that is no channel yet: creates it while modules load; warns afterwards, and the index is kNone. False
// with an exception set if there is no name.
bool PythonInstance::FindOrCreate(PyObject *name, uint32_t *index) {
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) return false;
  const std::string_view view(text, static_cast<size_t>(size));
  // What comes of a reload is not known yet to threads.
  if (creating_ && (reload_ == nullptr || core_.OnLoopThread())) {
    *index = AddChannel(view);
  } else {
    *index = ChannelTable::kNone;
    ReportUnknown(view);
  }
  return true;
}

// Whether to look at each output before it is one.
void PythonInstance::DecideNoting() {
  notes_outputs_ = lookahead_.active() || reload_ != nullptr || channels_.size() > routed_;
}

// Returns whether that was all.
bool PythonInstance::NoteOutput(PyObject *name, uint32_t index, double value) {
  if (lookahead_.active() && current_ != ChannelTable::kNone) lookahead_.Note(current_, name);
  // What Python threads output meanwhile is as at any other time.
  if (reload_ != nullptr && core_.OnLoopThread()) {
    reload_->outputs.emplace_back(index, value);
    return true;
  }
  if (!started_ || index < routed_) return false;
  if (reload_ == nullptr) ReportUnknown(names_.name(index));
  return true;
}

int PythonInstance::Output(PyObject *name, double value) {
  uint32_t index = FindChannel(name);
  if (index >= kLookupFailed) {
    if (index == kLookupFailed || !FindOrCreate(name, &index)) return -1;
    if (index == ChannelTable::kNone) return 0;
  }
  if (notes_outputs_ && NoteOutput(name, index, value)) return 0;
  channels_[index].output = value;
  if (!started_) {
    channels_[index].initial = true;
    return 0;
  }
  core_.Emit(first_channel_ + index, value);
  if (!core_.entered()) core_.Wake();  // a Python thread, while the core idles
  return 0;
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

PyObject *PythonInstance::Current() {
  if (current_ == ChannelTable::kNone || !core_.OnLoopThread()) return mmpy_none();
  // The same string each time, since a default handler may well output to it: the name cache finds it then.
  if (current_names_.size() < names_.size()) current_names_.resize(names_.size());
  PyRef &text = current_names_[current_];
  if (!text) {
    const std::string_view name = names_.name(current_);
    text = PyRef::Steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  }
  return PyRef(text).release();
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

// Sockets

int PythonInstance::Manage(PyObject *function, PyObject *socket) { return sockets_.Manage(function, socket); }

int PythonInstance::Unmanage(PyObject *socket) { return sockets_.Unmanage(socket); }

bool PythonInstance::Housekeep() {
  if (sockets_.empty()) return false;
  const GilScope own(PythonRuntime::Get().gil(), state());
  return sockets_.DropClosed();
}

// The end

void PythonInstance::DropReferences() {
  // Moved out first: releasing runs user code (__del__), which may call the module's functions once more.
  sockets_.Clear();
  const std::vector<IntervalEntry> intervals = std::exchange(intervals_, {});
  lookahead_.Reset(0);
  DecideNoting();
  const std::vector<Channel> channels = std::exchange(channels_, {});
  const PyRef cleanup = std::exchange(cleanup_handler_, {});
  const auto found = std::exchange(found_handlers_, {});
  const std::unique_ptr<Reload> reload = std::exchange(reload_, nullptr);
  batches_due_.clear();
  batch_places_.clear();
  free_batches_.clear();
  const std::vector<std::unique_ptr<ChannelBatch>> batches = std::exchange(batches_, {});
  const PyRef capsule = std::exchange(capsule_, {});
  current_names_.clear();
  name_cache_.Clear();
}

void PythonInstance::CleanUp() {
  if (state() == nullptr) return;
  PythonRuntime::Get().gil().SwitchTo(state());
  if (const PyRef cleanup = std::exchange(cleanup_handler_, {})) {
    if (!CallUser(interpreter_, {this, "cleanup handler", cleanup.get(), false, false}, nullptr))
      ReportException(core_, id_, interpreter_, "cleanup handler", cleanup.get());
  }
}

// The module's functions do not find this instance any more.
void PythonInstance::Unlink() {
  if (link_ != nullptr) link_->instance = nullptr;
  link_ = nullptr;
  if (mmpy_now_running.instance == this) mmpy_now_running = {};
}

bool PythonInstance::Stop() {
  if (state() == nullptr) return true;
  // Not a GilScope, which would make the state that was current before current again: that may be the one that ends.
  PythonRuntime::Get().gil().SwitchTo(state());

  Unlink();
  DropReferences();

  gil_.Pause();
  watchdog_.Await();
  gil_.SwitchTo(state());

  std::string names;
  for (const std::string &name : interpreter_.Stop()) names += names.empty() ? name : ", " + name;
  if (names.empty()) return true;
  core_.news().reports.push_back({Report::Kind::kThreadsLeft, id_, "", "", names, {}});
  return false;
}

void PythonInstance::Abandon() {
  if (link_ != nullptr) link_->reporter = nullptr;
  Unlink();
  // Released, these could run user code (__del__), and the environment is past that: they stay with the process.
  sockets_.Abandon();
  for (IntervalEntry &entry : intervals_) entry.function.release();
  for (Channel &channel : channels_) channel.handler.release();
  for (auto &found : found_handlers_) found.second.release();
  if (reload_ != nullptr) reload_.release()->Abandon();
  cleanup_handler_.release();
  for (const auto &batch : batches_) {
    if (batch != nullptr) batch->Abandon();
  }
  capsule_.release();
  for (PyRef &name : current_names_) name.release();
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
