#include "instance/batches.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "python/user_code.h"

namespace mmpy {

PyObject *Batches::New(PyObject *names, PyObject *handler) {
  const PyRef functions = PyRef::Steal(mmpy_batch_functions(home_.capsule.get()));
  if (!functions) return nullptr;
  return home_.interpreter.CallHelper("make_batch", {names, handler, functions.get()}).release();
}

// Creates the native side of `object`, a midimonster.Batch whose inputs are in `memory`: returns its number and a
// memoryview of its outputs. The memory gets the number here, since the watchdog may raise an exception between any two
// lines of Python.
PyObject *Batches::Register(PyObject *names, PyObject *object, PyObject *handler, PyObject *memory) {
  auto batch = std::make_unique<Batch>();
  const Py_ssize_t count = PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *const name = PyTuple_GetItem(names, i);
    const uint32_t index = channels_.FindOrCreate(name);
    if (index == Channels::kLookupFailed) return nullptr;
    if (index == Channels::kNone) {
      PyErr_Format(mmpy_exception_type(MMPY_VALUE_ERROR), "batch() names a channel that is not mapped anywhere: %R",
                   name);
      return nullptr;
    }
    batch->channels.push_back(index);
  }
  batch->inputs = reinterpret_cast<double *>(PyBytes_AsString(memory));
  const PyRef outputs =
      PyRef::Steal(PyByteArray_FromStringAndSize(nullptr, count * static_cast<Py_ssize_t>(sizeof(double))));
  if (outputs) batch->output_view = PyRef::Steal(PyMemoryView_FromObject(outputs.get()));
  if (batch->inputs == nullptr || !batch->output_view) return nullptr;
  batch->outputs = reinterpret_cast<double *>(PyByteArray_AsString(outputs.get()));
  batch->changed.resize(batch->channels.size());
  batch->is_changed = std::make_unique<bool[]>(batch->channels.size());
  batch->clamped.resize(batch->channels.size());
  batch->is_new = home_.on_trial();
  if (mmpy_is_none(handler) == 0) {
    batch->object = PyRef::Borrow(object);
    batch->handler = PyRef::Borrow(handler);
  }
  // The number stays free until nothing can fail any more: creating the result may run the garbage collector, which may
  // forget batches.
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(batches_.size()));
    batches_.emplace_back();
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  PyRef result = PyRef::Steal(Py_BuildValue("nO", static_cast<Py_ssize_t>(number), batch->output_view.get()));
  const PyRef attributes = result ? PyRef::Steal(PyObject_GetAttrString(memory, "__dict__")) : PyRef();
  PyObject *const as_object = attributes ? PyTuple_GetItem(result.get(), 0) : nullptr;
  const bool known = as_object != nullptr && PyDict_SetItemString(attributes.get(), "number", as_object) == 0;
  if (home_.RefuseIfStopped()) return nullptr;
  if (!known) {
    free_.push_back(number);
    return nullptr;
  }
  for (uint32_t position = 0; position < batch->channels.size(); ++position) {
    Channels::Channel &channel = channels_[batch->channels[position]];
    batch->inputs[position] = channel.input;
    batch->outputs[position] = channel.output;
    channel.batch_place = NewPlace({number, position, channel.batch_place});
  }
  batches_[number] = std::move(batch);
  return result.release();
}

uint32_t Batches::NewPlace(const Place &place) {
  if (free_place_ == Channels::kNoPlace) {
    places_.push_back(place);
    return static_cast<uint32_t>(places_.size() - 1);
  }
  const uint32_t found = free_place_;
  free_place_ = std::exchange(places_[found], place).next;
  return found;
}

// Called when the memory of its inputs is freed. A batch with a handler keeps its object, which keeps the memory.
void Batches::Forget(size_t number) {
  if (number >= batches_.size() || !batches_[number] || batches_[number]->handler) return;
  const std::unique_ptr<Batch> batch = std::move(batches_[number]);
  for (const uint32_t index : batch->channels) {
    uint32_t *link = &channels_[index].batch_place;
    while (places_[*link].batch != number) link = &places_[*link].next;
    const uint32_t place = *link;
    *link = places_[place].next;
    places_[place].next = std::exchange(free_place_, place);
  }
  free_.push_back(static_cast<uint32_t>(number));
}

// NULL with an exception set for a batch whose memory's __del__() was called by user code.
Batches::Batch *Batches::Find(size_t number) const {
  if (number < batches_.size() && batches_[number]) return batches_[number].get();
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR), "this batch has been deleted");
  return nullptr;
}

int Batches::Send(size_t number) {
  Batch *const found = Find(number);
  if (found == nullptr) return -1;
  Batch &batch = *found;
  for (size_t i = 0; i < batch.channels.size(); ++i) {
    const double value = batch.outputs[i];
    if (std::isnan(value)) {
      const std::string name(channels_.name(batch.channels[i]));
      PyErr_Format(mmpy_exception_type(MMPY_VALUE_ERROR),
                   "the value of channel '%s' is not a number; nothing is output", name.c_str());
      return -1;
    }
    batch.clamped[i] = std::min(std::max(value, 0.0), 1.0);
  }
  output_.Send(batch.channels, batch.clamped.data());
  return 0;
}

PyObject *Batches::Changed(size_t number) const {
  const Batch *const found = Find(number);
  if (found == nullptr) return nullptr;
  const Batch &batch = *found;
  PyRef list = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(batch.changed_count)));
  for (size_t i = 0; list && i < batch.changed_count; ++i) {
    PyObject *const item = PyLong_FromUnsignedLongLong(batch.changed[i]);
    // SetItem takes over the reference.
    if (item == nullptr || PyList_SetItem(list.get(), static_cast<Py_ssize_t>(i), item) != 0) return nullptr;
  }
  return list.release();
}

void Batches::CallHandlers() {
  for (const uint32_t number : std::exchange(due_, {})) {
    // There may have been a reload since the event.
    if (number >= batches_.size() || batches_[number] == nullptr) continue;
    Batch &batch = *batches_[number];
    if (batch.handler)
      CallUser(home_.core, home_.id, home_.interpreter, home_.AsRunning("batch handler", batch.handler.get()),
               batch.object.get());
    std::fill_n(batch.is_changed.get(), batch.channels.size(), false);
    batch.changed_count = 0;
  }
}

bool Batches::Handle(const Channels::Channel &channel) const {
  for (uint32_t at = channel.batch_place; at != Channels::kNoPlace; at = places_[at].next) {
    if (batches_[places_[at].batch]->handler) return true;
  }
  return false;
}

void Batches::Begin() {
  for (const auto &batch : batches_) {
    if (batch != nullptr) batch->is_new = false;
  }
}

void Batches::DropOld(const IsMeant &is_old) {
  for (uint32_t i = 0; i < batches_.size(); ++i) {
    // A batch with a handler stays, whatever Python code runs meanwhile.
    Batch *const batch = batches_[i].get();
    if (batch == nullptr || batch->is_new || !batch->handler || !is_old(batch->handler.get())) continue;
    dropped_.push_back({i, std::exchange(batch->object, {}), std::exchange(batch->handler, {})});
  }
}

void Batches::Commit() { const std::vector<Dropped> dropped = std::exchange(dropped_, {}); }

void Batches::Rollback() {
  std::vector<PyRef> released;  // last: that runs user code (__del__)
  for (Dropped &one : std::exchange(dropped_, {})) {
    Batch *const batch = batches_[one.number].get();
    // Its object was kept, so it still exists, unless user code has called its memory's __del__().
    if (batch != nullptr && !batch->is_new && !batch->handler) {
      batch->object = std::move(one.object);
      batch->handler = std::move(one.handler);
    }
    released.push_back(std::move(one.object));
    released.push_back(std::move(one.handler));
  }
  for (const auto &batch : batches_) {
    if (batch == nullptr || !batch->is_new) continue;
    released.push_back(std::exchange(batch->handler, {}));
    released.push_back(std::exchange(batch->object, {}));
  }
}

void Batches::Clear() {
  due_.clear();
  places_.clear();
  free_.clear();
  free_place_ = Channels::kNoPlace;
  const std::vector<Dropped> dropped = std::exchange(dropped_, {});
  const std::vector<std::unique_ptr<Batch>> batches = std::exchange(batches_, {});
}

void Batches::Abandon() {
  for (Dropped &one : dropped_) {
    one.object.release();
    one.handler.release();
  }
  for (const auto &batch : batches_) {
    if (batch == nullptr) continue;
    for (PyRef *reference : {&batch->object, &batch->handler, &batch->output_view}) reference->release();
  }
}

}  // namespace mmpy
