// The handlers of a python instance: finding those that its mapped channels name, and putting them in place.
#include <algorithm>
#include <utility>

#include "instance/python_instance.h"

namespace mmpy {

bool PythonInstance::HasBatchHandler(const Channel &channel) const {
  for (uint32_t at = channel.batch_place; at != kNoPlace; at = batch_places_[at].next) {
    if (batches_[batch_places_[at].batch]->handler) return true;
  }
  return false;
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
      errors.push_back({channel, interpreter_.TakeException().text, {}});
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

  found_handlers_.clear();
  PyRef fallback;
  if (!default_handler.empty()) {
    fallback = resolve(default_handler, ChannelTable::kNone);
    if (!fallback && errors.empty())
      errors.push_back({ChannelTable::kNone, "'" + default_handler + "' is not of the form module.function", {}});
  }
  for (const uint32_t channel : channels) {
    if (errors.size() > kMostResolveErrors) break;
    const std::string_view name = names_.name(channel);
    const bool dotted = name.find('.') != std::string_view::npos;
    // What has a batch for handler needs no other one.
    if (!dotted && channels_[channel].batch_place != kNoPlace && HasBatchHandler(channels_[channel])) continue;
    found_handlers_.emplace_back(channel, !dotted && fallback ? fallback : resolve(name, channel));
  }
  return errors;
}

void PythonInstance::TakeHandlers() {
  if (state() == nullptr) return;
  const GilScope own(gil_, state());
  std::vector<PyRef> before;  // released last: that runs user code (__del__)
  for (Channel &channel : channels_) {
    if (channel.handler) before.push_back(std::exchange(channel.handler, {}));
  }
  LookAhead();
  for (auto &[channel, handler] : std::exchange(found_handlers_, {})) channels_[channel].handler = std::move(handler);
  // Then delivering is storing values, and the clock would cost as much.
  takes_whole_batches_ =
      std::none_of(channels_.begin(), channels_.end(), [](const Channel &channel) { return bool(channel.handler); });
}

// Of the handlers that were found, before they are in their places.
void PythonInstance::LookAhead() {
  const auto is_one = [](const auto &found) { return bool(found.second); };
  const bool many =
      std::count_if(found_handlers_.begin(), found_handlers_.end(), is_one) > ptrdiff_t{Lookahead::kManyHandlers};
  lookahead_.Reset(many ? channels_.size() : 0);
  DecideNoting();
  const PyRef function_type = interpreter_.FunctionType();
  for (size_t i = 0; many && i < found_handlers_.size(); ++i) {
    PyObject *const handler = found_handlers_[i].second.get();
    const PyRef type = handler == nullptr ? PyRef() : PyRef::Steal(PyObject_Type(handler));
    if (!type || type.get() != function_type.get()) continue;  // what else has attributes may run code for them
    const PyRef code = PyRef::Steal(PyObject_GetAttrString(handler, "__code__"));
    const PyRef constants = code ? PyRef::Steal(PyObject_GetAttrString(code.get(), "co_consts")) : PyRef();
    if (constants) {
      lookahead_.SetCode(found_handlers_[i].first, code.get(), constants.get());
    } else {
      PyErr_Clear();
    }
  }
}

}  // namespace mmpy
