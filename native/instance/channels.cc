#include "instance/channels.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "io/guard.h"
#include "routing/reserve.h"

namespace mmpy {

namespace {

constexpr size_t kMaxUnknown = 1000;   // user code may generate any number of names,
constexpr size_t kMaxCreated = 65536;  // and of any length, in bytes

// Replaces the current exception, a TypeError with CPython's own terse words, by one that names the type found.
void RaiseNotAString(PyObject *found) {
  if (PyErr_ExceptionMatches(mmpy_exception_type(MMPY_TYPE_ERROR)) == 0) return;
  PyErr_Clear();
  const PyRef type = PyRef::Steal(PyObject_Type(found));
  const PyRef name = type ? PyRef::Steal(PyObject_GetAttrString(type.get(), "__name__")) : PyRef();
  const std::string text = name ? Shortened(ToText(name.get()), kMaxName) : "?";
  PyErr_Clear();
  PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR), "the channel's name must be str, not %s", text.c_str());
}

PyObject *NewString(std::string_view text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

}  // namespace

uint32_t Channels::FindUncached(PyObject *name) {
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) {
    RaiseNotAString(name);
    return kLookupFailed;
  }
  const uint32_t found = table_.Find(std::string_view(text, static_cast<size_t>(size)));
  if (found == kNone) return found;
  name_cache_.Remember(name, found, table_.size());
  // That may have run the destructor of a str subclass, during which the instance may have stopped.
  return home_.RefuseIfStopped() ? kLookupFailed : found;
}

uint32_t Channels::Create(PyObject *name) {
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) return kLookupFailed;
  const std::string_view view(text, static_cast<size_t>(size));
  // Threads do not see channels of a reload that may still fail.
  if (creating_ && (!home_.reloading || home_.core.OnLoopThread())) {
    if (view.size() <= kMaxCreated) return Add(view);
    PyErr_Format(mmpy_exception_type(MMPY_MEMORY_ERROR), "a channel's name can take %zu bytes, and this one takes %zu",
                 kMaxCreated, view.size());
    return kLookupFailed;
  }
  ReportUnknown(view);
  return kNone;
}

uint32_t Channels::Add(std::string_view name) {
  if (channels_.size() == table_.size()) ReserveFor(channels_, channels_.size() + 1);  // they are parallel
  const uint32_t index = table_.Add(name);
  channels_.resize(table_.size());
  SetLook(kUnmapped, channels_.size() > mapped_);
  return index;
}

void Channels::Connected(size_t mapped) {
  mapped_ = mapped;
  SetLook(kUnmapped, channels_.size() > mapped_);
}

PyObject *Channels::NameObject(uint32_t index) {
  if (name_objects_.size() < table_.size()) name_objects_.resize(table_.size());
  if (!name_objects_[index]) {
    PyRef text = PyRef::Steal(NewString(table_.name(index)));
    name_objects_[index].Swap(text);
  }
  return PyRef(name_objects_[index]).release();
}

PyObject *Channels::Names() const {
  std::vector<uint32_t> all(table_.size());
  std::iota(all.begin(), all.end(), 0);
  return Names(all);
}

// Creating the list may run the garbage collector, and so user code, which may end everything.
PyObject *Channels::Names(const std::vector<uint32_t> &indices) const {
  PyRef list = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(indices.size())));
  if (!list) return nullptr;
  Py_ssize_t next = 0;
  for (const uint32_t index : indices) {
    if (index >= table_.size()) {
      home_.RefuseIfStopped();
      return nullptr;
    }
    PyObject *const text = NewString(table_.name(index));
    if (text == nullptr || PyList_SetItem(list.get(), next++, text) != 0) return nullptr;
  }
  return list.release();
}

void Channels::ReportUnknown(std::string_view unknown) {
  const std::string name = Shortened(unknown, kMaxName);
  const auto place = std::lower_bound(unknown_.begin(), unknown_.end(), name);
  if ((place != unknown_.end() && *place == name) || unknown_.size() >= kMaxUnknown) return;
  unknown_.emplace(place, name);
  const std::string where = home_.interpreter.CallerPlace();
  home_.Tell([&] { return Report{Report::Kind::kUnknownChannel, home_.id, "", name, "", {}, {}, where}; });
}

void Channels::TellClamped(uint32_t index, double value) {
  const std::string name = Shortened(table_.name(index), kMaxName);
  const std::string where = home_.interpreter.CallerPlace();
  home_.Tell([&] { return Report{Report::Kind::kClamped, home_.id, "", name, "", value, {}, where}; });
}

void Channels::Clear() {
  mapped_ = 0;
  const std::vector<Channel> channels = std::exchange(channels_, {});
  const std::vector<PyRef> names = std::exchange(name_objects_, {});
  const auto clear = [&] { name_cache_.Clear(); };
  Guard(clear, [&](const char *) { name_cache_.Empty(); });
}

void Channels::Free() {
  table_ = ChannelTable();
  std::vector<std::string>().swap(unknown_);
  name_cache_.Free();
}

void Channels::Abandon() {
  for (Channel &channel : channels_) channel.handler.release();
  for (PyRef &name : name_objects_) name.release();
  name_cache_.Abandon();
}

}  // namespace mmpy
