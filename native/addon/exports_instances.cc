// Instances: adding them, their channels and handlers, their intervals.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon/arguments.h"
#include "python/runtime.h"
#include "routing/javascript.h"
#include "routing/loopback.h"

namespace mmpy {

namespace {

Napi::Value AddLoopback(const Arguments &arguments) {
  Core &core = arguments.core();
  return Napi::Number::New(arguments.env(), core.Add(std::make_unique<Loopback>(core)));
}

Napi::Value AddJavascript(const Arguments &arguments) {
  Core &core = arguments.core();
  const auto id = static_cast<InstanceId>(core.instance_count());
  return Napi::Number::New(arguments.env(), core.Add(std::make_unique<Javascript>(core, id)));
}

Napi::Value AddPython(const Arguments &arguments) {
  if (!PythonRuntime::Get().started()) throw Unexpected("startPython() to have succeeded");
  const std::string name = arguments.text(1);
  const std::string folder = arguments.text(2);
  const std::string argument = arguments.text(3);
  const auto kind = arguments.flag(4) ? Interpreter::Kind::kMain : Interpreter::Kind::kOwn;
  JsBridge &bridge = arguments.bridge();
  const InstanceId id = bridge.AddPython();
  const std::string error = bridge.python(id)->Start(kind, name, folder, argument);
  if (!error.empty()) return Napi::String::New(arguments.env(), error);
  return Napi::Number::New(arguments.env(), id);
}

Napi::Value MainHolder(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  const std::optional<MainInterpreter::Holder> &holder = PythonRuntime::Get().main().holder();
  if (!holder) return env.Null();
  auto result = Napi::Object::New(env);
  result.Set("name", holder->name);
  result.Set("isHere", holder->core == &arguments.core());
  return result;
}

Napi::Value LoadModule(const Arguments &arguments) {
  PythonInstance &python = arguments.python();
  const std::string value = arguments.text(2);
  const std::string folder = arguments.text(3);
  const Core::Entry entry(arguments.core());
  return RaisedOrNull(arguments.env(), python.LoadModule(value, folder));
}

Napi::Value Activity(const Arguments &arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(arguments.python().activity()));
}

Napi::Value IdleModule(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  PythonInstance &python = arguments.python();
  const std::string value = arguments.text(2);
  const Core::Entry entry(arguments.core());
  const std::optional<PythonInstance::Idle> idle = python.IdleModule(value);
  if (!idle) return env.Null();
  auto result = Napi::Object::New(env);
  result.Set("name", idle->name);
  result.Set("file", idle->file);
  result.Set("guard", static_cast<double>(idle->guard));
  return result;
}

Napi::Value AddChannels(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  PythonInstance &python = arguments.python();
  const Napi::Array names = arguments.array(2);
  const uint32_t count = names.Length();
  auto indices = Napi::Uint32Array::New(env, count);
  const Core::Entry entry(arguments.core());  // Python threads may look channels up meanwhile
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::HandleScope scope(env);  // one per name: a million handles would need a million slots
    const Napi::Value name = names.Get(i);
    if (!name.IsString()) throw Unexpected("an array of names");
    indices[i] = python.AddChannel(name.As<Napi::String>().Utf8Value());
  }
  return indices;
}

Napi::Value FixChannels(const Arguments &arguments) {
  PythonInstance &python = arguments.python();
  const Core::Entry entry(arguments.core());
  python.FixChannels();
  return arguments.env().Undefined();
}

Napi::Value ChannelCount(const Arguments &arguments) {
  return Napi::Number::New(arguments.env(), arguments.python().channels().size());
}

Napi::Value ChannelNames(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  const ChannelTable &table = arguments.python().channels();
  const uint32_t first = std::min(arguments.number(2), table.size());
  const uint32_t count = std::min(arguments.number(3), table.size() - first);
  auto names = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::HandleScope scope(env);
    const std::string_view name = table.name(first + i);
    names.Set(i, Napi::String::New(env, name.data(), name.size()));
  }
  return names;
}

Napi::Value Resolve(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  PythonInstance &python = arguments.python();
  const std::vector<uint32_t> channels = arguments.numbers(2);
  const std::string default_handler = arguments.text(3);
  if (std::any_of(channels.begin(), channels.end(), [&](uint32_t c) { return c >= python.channels().size(); })) {
    throw Unexpected("channels of the instance");
  }
  const Core::Entry entry(arguments.core());
  const std::vector<ResolveError> errors = python.Resolve(channels, default_handler);
  auto result = Napi::Array::New(env, errors.size());
  for (uint32_t i = 0; i < errors.size(); ++i) {
    auto object = Napi::Object::New(env);
    const bool is_default = errors[i].channel == Channels::kNone;
    object.Set("channel", is_default ? -1.0 : static_cast<double>(errors[i].channel));
    object.Set("problem", errors[i].problem);
    object.Set("candidates", Strings(env, errors[i].candidates));
    object.Set("advice", Strings(env, errors[i].advice));
    result.Set(i, object);
  }
  return result;
}

Napi::Value RunIntervals(const Arguments &arguments) {
  JsBridge &bridge = arguments.bridge();
  const std::vector<uint32_t> pairs = arguments.numbers(1);
  const size_t count = std::min<size_t>(arguments.number(2), pairs.size() / 2);
  const Core::Entry entry(bridge.core());
  for (size_t i = 0; i < count; ++i) {
    PythonInstance *const python = bridge.python(pairs[2 * i]);
    if (python == nullptr || !python->usable()) continue;
    Guard([&] { python->RunInterval(pairs[2 * i + 1]); },
          [&](const char *) { bridge.core().Note("an interval's call is lost: out of memory"); });
  }
  return arguments.env().Undefined();
}

}  // namespace

void ExportInstances(Napi::Object exports) {
  Export<AddLoopback>(exports, "addLoopback");
  Export<AddJavascript>(exports, "addJavascript");
  Export<AddPython>(exports, "addPython");
  Export<MainHolder>(exports, "mainHolder");
  Export<LoadModule>(exports, "loadModule");
  Export<Activity>(exports, "activity");
  Export<IdleModule>(exports, "idleModule");
  Export<AddChannels>(exports, "addChannels");
  Export<FixChannels>(exports, "fixChannels");
  Export<ChannelCount>(exports, "channelCount");
  Export<ChannelNames>(exports, "channelNames");
  Export<Resolve>(exports, "resolve");
  Export<RunIntervals>(exports, "runIntervals");
}

}  // namespace mmpy
