#include "instance/batches.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "python/user_code.h"
#include "routing/reserve.h"

namespace mmpy {

PyObject *Batches::New(PyObject *names, PyObject *handler) {
  const PyRef functions = PyRef::Steal(mmpy_batch_functions(home_.capsule.get()));
  if (!functions) return nullptr;
  return home_.interpreter.CallHelper("make_batch", {names, handler, functions.get()}).release();
}

// Creates the native side of `object`, a midimonster.Batch: returns its number, a bytes for its inputs and a bytearray
// for its outputs.
PyObject *Batches::Register(PyObject *names, PyObject *object, PyObject *handler) {
  ForgetUnread();
  auto batch = std::make_unique<Batch>();
  const Py_ssize_t count = PyTuple_Size(names);
  if (count < 0) return nullptr;
  batch->channels.reserve(static_cast<size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *const name = PyTuple_GetItem(names, i);
    const uint32_t index = channels_.FindOrCreate(name);
    if (index == Channels::kLookupFailed) return nullptr;
    if (index == Channels::kNone) {
      PyErr_Format(mmpy_exception_type(MMPY_VALUE_ERROR), "batch() names a channel that is not mapped anywhere: %.200R",
                   name);
      return nullptr;
    }
    batch->channels.push_back(index);
  }
  const Py_ssize_t size = count * static_cast<Py_ssize_t>(sizeof(double));
  batch->input_memory = PyRef::Steal(PyBytes_FromStringAndSize(nullptr, size));
  const PyRef outputs = PyRef::Steal(PyByteArray_FromStringAndSize(nullptr, size));
  if (!batch->input_memory || !outputs || !batch->output_memory.Take(outputs.get())) return nullptr;
  batch->inputs = reinterpret_cast<double *>(PyBytes_AsString(batch->input_memory.get()));
  batch->outputs = reinterpret_cast<double *>(PyByteArray_AsString(outputs.get()));
  batch->changed.resize(batch->channels.size());
  batch->is_changed = std::make_unique<bool[]>(batch->channels.size());
  batch->clamped.resize(batch->channels.size());
  batch->is_new = home_.on_trial();
  if (mmpy_is_none(handler) == 0) {
    batch->object = PyRef::Borrow(object);
    batch->handler = PyRef::Borrow(handler);
  }
  // The number stays free until nothing can fail any more.
  const size_t places = places_.size() + batch->channels.size();
  ReserveFor(places_, places);
  if (free_.empty()) {
    const size_t batches = batches_.size() + 1;
    ReserveFor(batches_, batches);
    ReserveFor(free_, batches);
    ReserveFor(due_, 2 * batches);  // one that is replaced meanwhile may be in it twice
    ReserveFor(calling_, 2 * batches);
    free_.push_back(static_cast<uint32_t>(batches_.size()));
    batches_.emplace_back();
  }
  PyRef result = PyRef::Steal(
      Py_BuildValue("nOO", static_cast<Py_ssize_t>(free_.back()), batch->input_memory.get(), outputs.get()));
  // Creating these objects may have run the garbage collector, and so user code, which registers batches itself.
  if (home_.RefuseIfStopped() || !result) return nullptr;
  PyObject *const as_object = PyTuple_GetItem(result.get(), 0);
  const uint32_t number = as_object == nullptr ? UINT32_MAX : static_cast<uint32_t>(PyLong_AsLong(as_object));
  if (free_.empty() || free_.back() != number || places_.capacity() < places_.size() + batch->channels.size()) {
    return Register(names, object, handler);
  }
  free_.pop_back();
  for (uint32_t position = 0; position < batch->channels.size(); ++position) {
    Channels::Channel &channel = channels_[batch->channels[position]];
    batch->inputs[position] = channel.input;
    batch->outputs[position] = channel.output;
    channel.batch_place = NewPlace({number, position, channel.batch_place});
  }
  if (!batch->handler) ++without_handler_;
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

// Whether anything but the batch itself refers to the memory of its inputs. Asked like this since user code can change
// everything that would tell when the last reference goes: an attribute, a class, a weak reference.
bool Batches::IsRead(const Batch &batch) const {
  constexpr long kOwn = 2;  // the batch's, and the one here
  const PyRef memory = batch.input_memory;
  PyObject *const count_references = PySys_GetObject("getrefcount");
  PyObject *const argument = memory.get();
  const PyRef function = PyRef::Borrow(count_references);
  const PyRef count = function ? PyRef::Steal(PyObject_Vectorcall(function.get(), &argument, 1, nullptr)) : PyRef();
  const long references = count ? PyLong_AsLong(count.get()) : -1;
  PyErr_Clear();
  return references < 0 || references > kOwn;
}

// Forgets the batches that nothing can read any more; only those without a handler are not needed otherwise. There are
// mostly few; if there are many, looking at all for each new one would take long.
void Batches::ForgetUnread() {
  constexpr size_t kFew = 16;
  if (without_handler_ < to_look_at_) return;
  for (size_t number = 0; number < batches_.size(); ++number) {
    const Batch *const batch = batches_[number].get();
    // The number may be that of another one afterwards, if user code has replaced sys.getrefcount().
    if (batch != nullptr && !batch->handler && !IsRead(*batch) && number < batches_.size()) Forget(number);
  }
  to_look_at_ = without_handler_ < kFew ? 0 : 2 * without_handler_;
}

void Batches::Forget(size_t number) {
  if (!batches_[number] || batches_[number]->handler) return;
  --without_handler_;
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

// NULL with an exception set for a number that user code has made up, or kept.
Batches::Batch *Batches::Find(size_t number) const {
  if (number < batches_.size() && batches_[number]) return batches_[number].get();
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR), "this batch has been deleted");
  return nullptr;
}

int Batches::Send(size_t number) {
  Batch *const found = Find(number);
  if (found == nullptr) return -1;
  Batch &batch = *found;
  bool outside = false;
  for (size_t i = 0; i < batch.channels.size(); ++i) {
    const double value = batch.outputs[i];
    if (std::isnan(value)) {
      const std::string name(channels_.name(batch.channels[i]));
      PyErr_Format(mmpy_exception_type(MMPY_VALUE_ERROR),
                   "the value of channel '%s' is not a number; nothing is output", name.c_str());
      return -1;
    }
    batch.clamped[i] = std::min(std::max(value, 0.0), 1.0);
    outside |= batch.clamped[i] != value;
  }
  output_.Send(batch.channels, batch.clamped.data());
  if (outside) ReportClamped(batch);
  return 0;
}

void Batches::ReportClamped(const Batch &batch) {
  // First, since reporting runs Python code, which may change and end everything.
  std::vector<std::pair<uint32_t, double>> to_report;
  for (size_t i = 0; i < batch.channels.size(); ++i) {
    const uint32_t index = batch.channels[i];
    if (channels_.CountsAsClamped(index, batch.outputs[i])) to_report.emplace_back(index, batch.outputs[i]);
  }
  for (const auto &[index, value] : to_report) {
    if (home_.linked()) channels_.ReportClamped(index, value);
  }
}

PyObject *Batches::Changed(size_t number) const {
  const Batch *const batch = Find(number);
  if (batch == nullptr) return nullptr;
  // A copy, since creating the list may run the garbage collector, and so user code.
  const std::vector<uint32_t> changed(batch->changed.begin(), batch->changed.begin() + ptrdiff_t(batch->changed_count));
  PyRef list = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(changed.size())));
  for (size_t i = 0; list && i < changed.size(); ++i) {
    PyObject *const item = PyLong_FromUnsignedLongLong(changed[i]);
    // SetItem takes over the reference.
    if (item == nullptr || PyList_SetItem(list.get(), static_cast<Py_ssize_t>(i), item) != 0) return nullptr;
  }
  return list.release();
}

void Batches::CallHandlers() {
  calling_.swap(due_);  // not exchange(), which would give the memory away
  // NOLINTNEXTLINE(modernize-loop-convert): handlers create batches, for which room is made here
  for (size_t i = 0; i < calling_.size(); ++i) {
    const uint32_t number = calling_[i];
    // There may have been a reload since the event.
    if (number >= batches_.size() || batches_[number] == nullptr) continue;
    Batch &batch = *batches_[number];
    const PyRef handler = batch.handler;
    const PyRef object = batch.object;
    if (handler) {
      CallUser(home_.core, home_.id, home_.interpreter, home_.AsRunning("batch handler", handler.get()), object.get());
    }
    std::fill_n(batch.is_changed.get(), batch.channels.size(), false);
    batch.changed_count = 0;
  }
  calling_.clear();
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
    if (batch == nullptr || batch->is_new || !batch->handler) continue;
    const PyRef handler = batch->handler;
    if (!is_old(handler.get())) continue;
    ReserveFor(dropped_, dropped_.size() + 1);
    dropped_.push_back({i, std::exchange(batch->object, {}), std::exchange(batch->handler, {})});
    ++without_handler_;
  }
}

void Batches::Commit() { const std::vector<Dropped> dropped = std::exchange(dropped_, {}); }

void Batches::Rollback() {
  std::vector<PyRef> released;  // last: that runs user code (__del__)
  released.reserve(2 * (dropped_.size() + batches_.size()));
  for (Dropped &one : dropped_) {
    Batch *const batch = batches_[one.number].get();
    // It is still there, since its object was kept, unless user code has taken the memory of its inputs from that.
    if (batch != nullptr && !batch->is_new && !batch->handler) {
      batch->object = std::move(one.object);
      batch->handler = std::move(one.handler);
      --without_handler_;
    }
    released.push_back(std::move(one.object));
    released.push_back(std::move(one.handler));
  }
  dropped_.clear();
  for (const auto &batch : batches_) {
    if (batch == nullptr || !batch->is_new || !batch->handler) continue;
    released.push_back(std::exchange(batch->handler, {}));
    released.push_back(std::exchange(batch->object, {}));
    ++without_handler_;
  }
}

void Batches::Clear() {
  due_.clear();
  calling_.clear();
  places_.clear();
  free_.clear();
  without_handler_ = 0;
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
    for (PyRef *reference : {&batch->object, &batch->handler, &batch->input_memory}) reference->release();
    batch->output_memory.Abandon();
  }
}

}  // namespace mmpy
