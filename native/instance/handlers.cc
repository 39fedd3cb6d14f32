#include "instance/handlers.h"

#include <algorithm>

#include "io/forked.h"
#include "io/guard.h"

namespace mmpy {

PyRef Handlers::ResolveOne(std::string_view name, uint32_t channel, std::vector<ResolveError> &errors) {
  Interpreter &interpreter = home_.interpreter;
  const PyRef text = PyRef::Steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  const PyRef found = text ? interpreter.CallHelper("resolve", {text.get()}) : PyRef();
  if (!found) {
    errors.push_back({channel, interpreter.TakeException().text, {}, {}});
    return {};
  }
  PyObject *const function = ItemOf(found.get(), 0);
  PyObject *const problem = ItemOf(found.get(), 1);
  const bool is_problem = mmpy_is_none(problem) == 0;
  if (is_problem || (mmpy_is_none(function) != 0 && hints_ < kMaxResolveErrors)) {
    std::vector<std::string> candidates = ToTexts(ItemOf(found.get(), 2));
    if (!is_problem && candidates.empty()) return {};
    if (!is_problem) ++hints_;
    errors.push_back(
        {channel, is_problem ? ToText(problem) : "", std::move(candidates), ToTexts(ItemOf(found.get(), 3))});
  }
  return mmpy_is_none(function) != 0 ? PyRef() : PyRef::Borrow(function);
}

std::vector<ResolveError> Handlers::Resolve(const std::vector<uint32_t> &channels, const std::string &default_handler) {
  std::vector<ResolveError> errors;
  Rollback();
  hints_ = 0;
  found_.reserve(channels.size());
  PyRef fallback;
  if (!default_handler.empty()) {
    fallback = ResolveOne(default_handler, Channels::kNone, errors);
    if (!fallback && (errors.empty() || errors.back().problem.empty())) {
      if (errors.empty()) errors.push_back({Channels::kNone, "", {}, {}});
      errors.back().problem = "'" + default_handler + "' is not of the form module.function";
      hints_ = 0;
    }
  }
  for (const uint32_t channel : channels) {
    if (errors.size() - hints_ > kMaxResolveErrors) break;
    const std::string name(channels_.name(channel));
    const bool dotted = name.find('.') != std::string::npos;
    // A channel that is handled by a batch needs no handler of its own.
    if (!dotted && batches_.Handle(channels_[channel])) continue;
    PyRef handler = !dotted && fallback ? fallback : ResolveOne(name, channel, errors);
    found_.emplace_back(channel, std::move(handler));
  }
  return errors;
}

// Needs no memory: by now the mapping is installed, and there is no way back.
void Handlers::Take() {
  Guard([&] { LookAhead(); }, [&](const char *) { lookahead_.Reset(0); });  // it works without
  any_ = false;
  for (Channels::Channel &channel : channels_.all()) channel.is_handler_old = true;
  for (auto &[channel, handler] : found_) {
    any_ |= static_cast<bool>(handler);
    channels_[channel].handler.Swap(handler);
    channels_[channel].is_handler_old = false;
  }
  // Released once all are installed, since that runs user code (__del__).
  const Found replaced = std::exchange(found_, {});
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (!channels_[i].is_handler_old) continue;
    const PyRef unmapped = std::exchange(channels_[i].handler, {});
  }
}

// For the handlers found, before they are installed. Runs no user code, but for what the garbage collector finds.
void Handlers::LookAhead() {
  const auto is_one = [](const auto &found) { return static_cast<bool>(found.second); };
  const bool many = std::count_if(found_.begin(), found_.end(), is_one) > ptrdiff_t{Lookahead::kManyHandlers};
  lookahead_.Reset(many ? channels_.size() : 0);
  channels_.SetLook(Channels::kLookahead, lookahead_.active());
  const PyRef function_type = home_.interpreter.FunctionType();
  for (size_t i = 0; many && i < found_.size(); ++i) {
    PyObject *const handler = found_[i].second.get();
    const PyRef type = handler == nullptr ? PyRef() : PyRef::Steal(PyObject_Type(handler));
    if (!type || type.get() != function_type.get()) continue;  // attributes of other types may run user code
    const PyRef code = PyRef::Steal(PyObject_GetAttrString(handler, "__code__"));
    const PyRef constants = code ? PyRef::Steal(PyObject_GetAttrString(code.get(), "co_consts")) : PyRef();
    if (constants) {
      lookahead_.SetCode(found_[i].first, code.get(), constants.get());
    } else {
      PyErr_Clear();
    }
  }
}

void Handlers::Deliver(const Event *events, size_t count, ChannelId first_channel) {
  if (count > size_t{Lookahead::kEvents} && lookahead_.active()) {
    DeliverEvents<true>(events, count, first_channel);
  } else {
    DeliverEvents<false>(events, count, first_channel);
  }
}

template <bool kLookAhead>
void Handlers::DeliverEvents(const Event *events, size_t count, ChannelId first_channel) {
  home_.gil.SwitchTo(home_.interpreter.state());
  Watchdog &watchdog = home_.watchdog;
  watchdog.Expect(&as_running_, home_.interpreter.interpreter_state());
  mmpy_now_running = {home_.capsule.get(), &home_.self};
  // The channels don't move: none is added once the core runs.
  Channels::Channel *const channels = channels_.data();
  const Event *const end = events + count;
  for (const Event *event = events; event != end; ++event) {
    const uint32_t index = event->channel - first_channel;
    Channels::Channel &channel = channels[index];
    if (kLookAhead && end - event > ptrdiff_t{Lookahead::kEvents}) {
      const uint32_t soon = event[Lookahead::kEvents].channel - first_channel;
      lookahead_.Fetch(soon, channels[soon].handler.get(), channels_.name_cache());
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
      current_ = Channels::kNone;
      if (value != nullptr) Py_DecRef(value);
      if (result == nullptr) {
        ReportHandlerException(index, event->value);
      } else if (mmpy_drop_none(result) == 0) {
        TakeResult(index, event->value, result);
      }
    }
    channel.input = event->value;
    if (channel.batch_place != Channels::kNoPlace) batches_.Note(channel, event->value);
  }
  watchdog.End();
}

// A coroutine begins here, before the next event.
void Handlers::TakeResult(uint32_t channel, double value, PyObject *result) {
  PyRef owned = PyRef::Steal(result);
  current_ = channel;
  const PyRef name = PyRef::Steal(channels_.NameObject(channel));
  if (!name) PyErr_Clear();
  home_.interpreter.results().Take(std::move(owned), "handler", name.get(), value);
  current_ = Channels::kNone;
}

void Handlers::ReportHandlerException(uint32_t channel, double value) {
  EndIfForked();
  // Describing the exception may run user code too, such as its __str__().
  home_.watchdog.Begin();
  current_ = channel;
  home_.core.Tell([&] {
    PythonException raised = home_.interpreter.TakeException();
    return Report{
        Report::Kind::kException, home_.id, "handler", Shortened(channels_.name(channel), kMaxName), "", value,
        std::move(raised)};
  });
  current_ = Channels::kNone;
  PyErr_Clear();  // if there was no memory for that
}

void Handlers::Clear() {
  lookahead_.Reset(0);
  channels_.SetLook(Channels::kLookahead, false);
  Rollback();
}

void Handlers::Abandon() {
  for (auto &found : found_) found.second.release();
}

}  // namespace mmpy
