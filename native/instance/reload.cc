#include "instance/reload.h"

#include <algorithm>
#include <memory>
#include <string>

#include "instance/python_instance.h"
#include "python/user_code.h"

namespace mmpy {

void Reload::Abandon() {
  const std::unique_ptr<Reload> self(this);
  for (IntervalEntry &entry : intervals) entry.function.release();
  for (auto &watch : watches) {
    watch.second.function.release();
    watch.second.socket.release();
  }
  cleanup_handler.release();
}

// Calls a function of python/runtime/reload.py.
PyRef PythonInstance::CallReloading(const char *function, PyObject *first, PyObject *second) {
  const PyRef name = PyRef::Steal(PyUnicode_FromString(function));
  if (!name) return {};
  if (first == nullptr) return interpreter_.CallHelper("reloading", {name.get()});
  if (second == nullptr) return interpreter_.CallHelper("reloading", {name.get(), first});
  return interpreter_.CallHelper("reloading", {name.get(), first, second});
}

void PythonInstance::BeginReload() {
  reload_ = std::make_unique<Reload>();
  DecideNoting();
  reload_->intervals = intervals_;
  reload_->watches = sockets_.Snapshot();
  for (const auto &batch : batches_) {
    if (batch != nullptr) batch->renewed = false;
  }
  reload_->cleanup_handler = cleanup_handler_;
  creating_ = true;
}

PythonInstance::Reloaded PythonInstance::ReloadChanged() {
  const GilScope own(gil_, state());
  const WatchedCall watched(watchdog_, {this, "module", nullptr, false}, interpreter_state());
  const PyRef result = CallReloading("reload_changed");
  if (!result) return {{}, interpreter_.TakeException()};
  Reloaded reloaded;
  PyObject *const names = PyTuple_GetItem(result.get(), 0);
  for (Py_ssize_t i = 0; i < PyList_Size(names); ++i) reloaded.modules.push_back(ToText(PyList_GetItem(names, i)));
  PyObject *const raised = PyTuple_GetItem(result.get(), 1);
  if (mmpy_is_none(raised) == 0) reloaded.exception = ToException(raised);
  return reloaded;
}

// Whether a function is defined in one of these modules.
bool PythonInstance::Belongs(PyObject *function, PyObject *modules) {
  const PyRef answer = CallReloading("belongs", function, modules);
  const bool belongs = answer && mmpy_is_none(answer.get()) == 0;
  PyErr_Clear();
  return belongs;
}

void PythonInstance::EndReload(bool keep) {
  std::unique_ptr<Reload> reload = std::exchange(reload_, nullptr);
  DecideNoting();
  if (reload == nullptr) return;
  creating_ = false;
  const GilScope own(gil_, state());
  if (keep) {
    DropReplaced(*reload);
    auto &changes = core_.news().intervals;
    changes.insert(changes.end(), reload->interval_changes.begin(), reload->interval_changes.end());
    // As at start: a channel's last value, once.
    std::vector<uint32_t> channels;
    for (const auto &[channel, value] : reload->outputs) {
      if (!channels_[channel].initial) channels.push_back(channel);
      channels_[channel].initial = true;
      channels_[channel].output = value;
    }
    for (const uint32_t channel : channels) {
      if (!started_ || channel >= routed_) continue;  // Begin() does, or there is nowhere to send it
      channels_[channel].initial = false;
      core_.Emit(first_channel_ + channel, channels_[channel].output);
    }
  } else {
    UndoReload(*reload);
  }
  reload.reset();  // it has functions of what goes now
  const PyRef kept = PyRef::Steal(PyLong_FromUnsignedLongLong(keep ? 1 : 0));
  if (!kept || !CallReloading("end_reload", kept.get())) PyErr_Clear();
}

// What the old versions registered and the new ones have not registered again.
void PythonInstance::DropReplaced(const Reload &reload) {
  const PyRef modules = CallReloading("reloaded_modules");
  if (!modules) {
    PyErr_Clear();
    return;
  }
  std::vector<PyRef> dropped;  // released last: that runs user code (__del__)
  const auto is_renewed = [&](uint32_t id) {
    return std::find(reload.renewed_intervals.begin(), reload.renewed_intervals.end(), id) !=
           reload.renewed_intervals.end();
  };
  const std::vector<IntervalEntry> intervals = intervals_;  // asking runs Python code
  for (const IntervalEntry &entry : intervals) {
    if (is_renewed(entry.id) || !Belongs(entry.function.get(), modules.get())) continue;
    dropped.push_back(entry.function);
    intervals_.erase(std::remove_if(intervals_.begin(), intervals_.end(),
                                    [&](const IntervalEntry &other) { return other.id == entry.id; }),
                     intervals_.end());
    core_.news().intervals.push_back({id_, entry.id, 0, static_cast<double>(core_.now_ms())});
  }
  sockets_.DropUnlessRenewed([&](PyObject *function) { return Belongs(function, modules.get()); });
  for (size_t i = 0; i < batches_.size(); ++i) {
    // With a handler it stays, whatever Python code runs meanwhile.
    ChannelBatch *const batch = batches_[i].get();
    if (batch == nullptr || batch->renewed || !batch->handler || !Belongs(batch->handler.get(), modules.get()))
      continue;
    dropped.push_back(std::exchange(batch->handler, {}));
    dropped.push_back(std::exchange(batch->object, {}));
  }
  if (cleanup_handler_ && cleanup_handler_.get() == reload.cleanup_handler.get() &&
      Belongs(cleanup_handler_.get(), modules.get())) {
    dropped.push_back(std::exchange(cleanup_handler_, {}));
  }
}

void PythonInstance::UndoReload(Reload &reload) {
  std::vector<PyRef> dropped;
  for (IntervalEntry &entry : std::exchange(intervals_, reload.intervals)) dropped.push_back(std::move(entry.function));
  for (auto &[id, watch] : sockets_.Restore(reload.watches)) {
    dropped.push_back(std::move(watch.function));
    dropped.push_back(std::move(watch.socket));
  }
  for (const auto &batch : batches_) {
    if (batch == nullptr || !batch->renewed) continue;
    dropped.push_back(std::exchange(batch->handler, {}));
    dropped.push_back(std::exchange(batch->object, {}));
  }
  dropped.push_back(std::exchange(cleanup_handler_, reload.cleanup_handler));
  for (auto &found : std::exchange(found_handlers_, {})) dropped.push_back(std::move(found.second));
}

PyObject *PythonInstance::Previous() { return interpreter_.CallHelper("previous", {}).release(); }

std::vector<std::string> PythonInstance::SourceFiles() {
  const GilScope own(gil_, state());
  std::vector<std::string> files;
  const PyRef names = CallReloading("source_files");
  for (Py_ssize_t i = 0; names && i < PyList_Size(names.get()); ++i)
    files.push_back(ToText(PyList_GetItem(names.get(), i)));
  PyErr_Clear();
  return files;
}

void PythonInstance::Retire() {
  if (state() == nullptr) return;
  CleanUp();
  gil_.SwitchTo(state());
  Unlink();
  DropReferences();
  retired_ = true;
  if (!interpreter_.CallHelper("forget_modules", {})) PyErr_Clear();
  std::string names;
  for (const std::string &name : interpreter_.StopThreads()) names += names.empty() ? name : ", " + name;
  if (!names.empty()) core_.news().reports.push_back({Report::Kind::kThreadsLeft, id_, "", "", names, {}});
}

}  // namespace mmpy

PyObject *mmpy_instance_previous(mmpy_instance *instance) {
  return static_cast<mmpy::PythonInstance *>(instance)->Previous();
}
