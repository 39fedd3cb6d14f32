#include "channel_batch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "python_instance.h"

namespace mmpy {

PyObject *PythonInstance::NewBatch(PyObject *names, PyObject *handler) {
  const PyRef functions = PyRef::Steal(mmpy_batch_functions(capsule_.get()));
  if (!functions) return nullptr;
  return interpreter_.CallHelper("make_batch", {names, handler, functions.get()}).release();
}

// Makes the native side of `object`, a midimonster.Batch: returns its number and memoryviews of its inputs and outputs.
PyObject *PythonInstance::RegisterBatch(PyObject *names, PyObject *object, PyObject *handler) {
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
  const Py_ssize_t size = count * static_cast<Py_ssize_t>(sizeof(double));
  const auto allocate = [&](PyRef &view, double *&values) {
    const PyRef bytes = PyRef::Steal(PyByteArray_FromStringAndSize(nullptr, size));
    if (bytes) view = PyRef::Steal(PyMemoryView_FromObject(bytes.get()));
    if (!view) return false;
    values = reinterpret_cast<double *>(PyByteArray_AsString(bytes.get()));
    return true;
  };
  if (!allocate(batch->input_view, batch->inputs) || !allocate(batch->output_view, batch->outputs)) return nullptr;
  batch->changed.resize(batch->channels.size());
  batch->is_changed.resize(batch->channels.size());
  batch->clamped.resize(batch->channels.size());
  if (mmpy_is_none(handler) == 0) {
    batch->object = PyRef::Borrow(object);
    batch->handler = PyRef::Borrow(handler);
  }
  const PyRef result = PyRef::Steal(Py_BuildValue("nOO", static_cast<Py_ssize_t>(batches_.size()),
                                                  batch->input_view.get(), batch->output_view.get()));
  if (!result) return nullptr;
  // Nothing fails from here on.
  const auto number = static_cast<uint32_t>(batches_.size());
  for (uint32_t position = 0; position < batch->channels.size(); ++position) {
    Channel &channel = channels_[batch->channels[position]];
    batch->inputs[position] = channel.input;
    batch->outputs[position] = channel.output;
    batch_places_.push_back({number, position, channel.batch_place});
    channel.batch_place = static_cast<uint32_t>(batch_places_.size() - 1);
  }
  batches_.push_back(std::move(batch));
  return PyRef(result).release();
}

int PythonInstance::OutputBatch(size_t number) {
  ChannelBatch &batch = *batches_[number];
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
  core_.Emit(first_channel_, batch.channels.data(), batch.clamped.data(), count);
  if (!core_.entered()) core_.Wake();
  return 0;
}

PyObject *PythonInstance::ChangedInBatch(size_t number) const {
  const ChannelBatch &batch = *batches_[number];
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
PyObject *mmpy_instance_register_batch(mmpy_instance *instance, PyObject *names, PyObject *object, PyObject *handler) {
  return Self(instance).RegisterBatch(names, object, handler);
}
int mmpy_instance_output_batch(mmpy_instance *instance, size_t number) { return Self(instance).OutputBatch(number); }
PyObject *mmpy_instance_changed_in_batch(mmpy_instance *instance, size_t number) {
  return Self(instance).ChangedInBatch(number);
}
