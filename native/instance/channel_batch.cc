#include "instance/channel_batch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "instance/python_instance.h"

namespace mmpy {

PyObject *PythonInstance::NewBatch(PyObject *names, PyObject *handler) {
  const PyRef functions = PyRef::Steal(mmpy_batch_functions(capsule_.get()));
  if (!functions) return nullptr;
  return interpreter_.CallHelper("make_batch", {names, handler, functions.get()}).release();
}

// Makes the native side of `object`, a midimonster.Batch whose inputs are in `memory`: returns its number and a
// memoryview of its outputs. The memory learns the number here, since an exception of the watchdog's may come between
// any two lines of Python.
PyObject *PythonInstance::RegisterBatch(PyObject *names, PyObject *object, PyObject *handler, PyObject *memory) {
  auto batch = std::make_unique<ChannelBatch>();
  const Py_ssize_t count = PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *const name = PyTuple_GetItem(names, i);
    uint32_t index = FindChannel(name);
    if (index == kLookupFailed || (index == ChannelTable::kNone && !FindOrCreate(name, &index))) return nullptr;
    if (index == ChannelTable::kNone) {
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
  batch->is_changed.resize(batch->channels.size());
  batch->clamped.resize(batch->channels.size());
  if (mmpy_is_none(handler) == 0) {
    batch->object = PyRef::Borrow(object);
    batch->handler = PyRef::Borrow(handler);
  }
  // A number that stays free until nothing fails any more: making the result may collect garbage, and that batches.
  if (free_batches_.empty()) {
    free_batches_.push_back(static_cast<uint32_t>(batches_.size()));
    batches_.emplace_back();
  }
  const uint32_t number = free_batches_.back();
  free_batches_.pop_back();
  PyRef result = PyRef::Steal(Py_BuildValue("nO", static_cast<Py_ssize_t>(number), batch->output_view.get()));
  const PyRef attributes = result ? PyRef::Steal(PyObject_GetAttrString(memory, "__dict__")) : PyRef();
  PyObject *const as_object = attributes ? PyTuple_GetItem(result.get(), 0) : nullptr;
  const bool known = as_object != nullptr && PyDict_SetItemString(attributes.get(), "number", as_object) == 0;
  if (RefuseIfStopped()) return nullptr;
  if (!known) {
    free_batches_.push_back(number);
    return nullptr;
  }
  for (uint32_t position = 0; position < batch->channels.size(); ++position) {
    Channel &channel = channels_[batch->channels[position]];
    batch->inputs[position] = channel.input;
    batch->outputs[position] = channel.output;
    channel.batch_place = NewBatchPlace({number, position, channel.batch_place});
  }
  batches_[number] = std::move(batch);
  return result.release();
}

uint32_t PythonInstance::NewBatchPlace(const BatchPlace &place) {
  if (free_place_ == kNoPlace) {
    batch_places_.push_back(place);
    return static_cast<uint32_t>(batch_places_.size() - 1);
  }
  const uint32_t found = free_place_;
  free_place_ = std::exchange(batch_places_[found], place).next;
  return found;
}

// Called when the memory of its inputs goes. One with a handler keeps its object, and that the memory.
void PythonInstance::ForgetBatch(size_t number) {
  if (number >= batches_.size() || !batches_[number] || batches_[number]->handler) return;
  const std::unique_ptr<ChannelBatch> batch = std::move(batches_[number]);
  for (const uint32_t index : batch->channels) {
    uint32_t *link = &channels_[index].batch_place;
    while (batch_places_[*link].batch != number) link = &batch_places_[*link].next;
    const uint32_t place = *link;
    *link = batch_places_[place].next;
    batch_places_[place].next = std::exchange(free_place_, place);
  }
  free_batches_.push_back(static_cast<uint32_t>(number));
}

// NULL with an exception set for one whose memory's __del__() user code has called.
ChannelBatch *PythonInstance::FindBatch(size_t number) const {
  if (number < batches_.size() && batches_[number]) return batches_[number].get();
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR), "this batch has been deleted");
  return nullptr;
}

int PythonInstance::OutputBatch(size_t number) {
  ChannelBatch *const found = FindBatch(number);
  if (found == nullptr) return -1;
  ChannelBatch &batch = *found;
  const size_t count = batch.channels.size();
  for (size_t i = 0; i < count; ++i) {
    const double value = batch.outputs[i];
    if (std::isnan(value)) {
      const std::string name(names_.name(batch.channels[i]));
      PyErr_Format(mmpy_exception_type(MMPY_VALUE_ERROR),
                   "the value of channel '%s' is not a number; nothing is output", name.c_str());
      return -1;
    }
    batch.clamped[i] = std::min(std::max(value, 0.0), 1.0);
  }
  if (reload_ != nullptr && core_.OnLoopThread()) {
    for (size_t i = 0; i < count; ++i) reload_->outputs.emplace_back(batch.channels[i], batch.clamped[i]);
    return 0;
  }
  for (size_t i = 0; i < count; ++i) channels_[batch.channels[i]].output = batch.clamped[i];
  if (!started_) {
    for (const uint32_t index : batch.channels) channels_[index].initial = true;
    return 0;
  }
  if (channels_.size() == routed_) {
    core_.Emit(first_channel_, batch.channels.data(), batch.clamped.data(), count);
  } else {
    for (size_t i = 0; i < count; ++i) {
      if (batch.channels[i] < routed_) core_.Emit(first_channel_ + batch.channels[i], batch.clamped[i]);
    }
  }
  if (!core_.entered()) core_.Wake();
  return 0;
}

PyObject *PythonInstance::ChangedInBatch(size_t number) const {
  const ChannelBatch *const found = FindBatch(number);
  if (found == nullptr) return nullptr;
  const ChannelBatch &batch = *found;
  PyRef list = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(batch.changed_count)));
  for (size_t i = 0; list && i < batch.changed_count; ++i) {
    PyObject *const item = PyLong_FromUnsignedLongLong(batch.changed[i]);
    // SetItem takes over the reference.
    if (item == nullptr || PyList_SetItem(list.get(), static_cast<Py_ssize_t>(i), item) != 0) return nullptr;
  }
  return list.release();
}

}  // namespace mmpy

// The module's side

namespace {

mmpy::PythonInstance &Self(mmpy_instance *instance) { return *static_cast<mmpy::PythonInstance *>(instance); }

}  // namespace

PyObject *mmpy_instance_new_batch(mmpy_instance *instance, PyObject *names, PyObject *handler) {
  return Self(instance).NewBatch(names, handler);
}
PyObject *mmpy_instance_register_batch(mmpy_instance *instance, PyObject *names, PyObject *object, PyObject *handler,
                                       PyObject *memory) {
  return Self(instance).RegisterBatch(names, object, handler, memory);
}
int mmpy_instance_output_batch(mmpy_instance *instance, size_t number) { return Self(instance).OutputBatch(number); }
PyObject *mmpy_instance_changed_in_batch(mmpy_instance *instance, size_t number) {
  return Self(instance).ChangedInBatch(number);
}
void mmpy_instance_forget_batch(mmpy_instance *instance, size_t number) { Self(instance).ForgetBatch(number); }
