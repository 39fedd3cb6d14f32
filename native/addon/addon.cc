// The addon's functions, as binding.d.ts documents them: arguments in, the core called, results out.
#include <napi.h>
#include <uv.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/environment.h"
#include "addon/js_bridge.h"
#include "instance/python_instance.h"
#include "io/service_notify.h"
#include "io/stop_signals.h"
#include "python/runtime.h"
#include "routing/javascript.h"
#include "routing/loopback.h"

namespace mmpy {
namespace {

Environment &EnvironmentOf(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

using Info = Napi::CallbackInfo;

void Expect(Napi::Env env, bool condition, const char *what) {
  if (!condition) Napi::TypeError::New(env, std::string("expected ") + what).ThrowAsJavaScriptException();
}

using BridgeHandle = std::shared_ptr<JsBridge>;

// The bridge behind the first argument; NULL with a JavaScript exception pending if it is none.
JsBridge *BridgeOf(const Info &info) {
  if (info.Length() > 0 && info[0].IsExternal()) return info[0].As<Napi::External<BridgeHandle>>().Data()->get();
  Expect(info.Env(), false, "a core");
  return nullptr;
}

// The python instance that the second argument numbers; likewise.
PythonInstance *PythonOf(const Info &info, JsBridge *bridge) {
  if (bridge == nullptr) return nullptr;
  PythonInstance *python =
      info.Length() > 1 && info[1].IsNumber() ? bridge->python(info[1].As<Napi::Number>().Uint32Value()) : nullptr;
  if (python != nullptr && python->usable()) return python;
  Expect(info.Env(), false, "the number of a live python instance");
  return nullptr;
}

std::string Text(const Napi::Value &value) { return value.IsString() ? value.As<Napi::String>().Utf8Value() : ""; }

uint64_t Milliseconds(const Napi::Value &value) {
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : 0;
}

std::vector<uint32_t> Numbers(const Napi::Value &value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    Expect(value.Env(), false, "a Uint32Array");
    return {};
  }
  const auto array = value.As<Napi::Uint32Array>();
  return std::vector<uint32_t>(array.Data(), array.Data() + array.ElementLength());
}

Napi::Value StartPython(const Info &info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) {
    Expect(env, false, "options");
    return env.Undefined();
  }
  const auto object = info[0].As<Napi::Object>();
  PythonOptions options;
  options.library = Text(object.Get("library"));
  options.program_name = Text(object.Get("programName"));
  options.bootstrap_path = Text(object.Get("bootstrapPath"));
  options.deep_bind = object.Get("deepBind").ToBoolean();
  options.ignore_home = object.Get("ignoreHome").ToBoolean();
  const PythonLoadError error = PythonRuntime::Get().Start(EnvironmentOf(env).id(), options);
  if (!error) {
    PythonRuntime::Get().watchdog().SetLimits(Milliseconds(object.Get("handlerWarn")),
                                              Milliseconds(object.Get("handlerTimeout")));
    return env.Null();
  }
  auto result = Napi::Object::New(env);
  result.Set("code", error.code);
  result.Set("message", error.message);
  return result;
}

Napi::Value PythonVersion(const Info &info) { return Napi::String::New(info.Env(), PythonRuntime::Get().version()); }

Napi::Value CreateCore(const Info &info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsObject()) {
    Expect(env, false, "callbacks and an outbox");
    return env.Undefined();
  }
  Environment &environment = EnvironmentOf(env);
  auto bridge =
      std::make_shared<JsBridge>(env, environment.loop(), info[0].As<Napi::Object>(), info[1].As<Napi::Object>());
  environment.Add(bridge);
  auto handle = std::make_unique<BridgeHandle>(std::move(bridge));
  BridgeHandle *const raw = handle.release();
  return Napi::External<BridgeHandle>::New(
      env, raw, [](Napi::Env, BridgeHandle *owned) { const std::unique_ptr<BridgeHandle> released(owned); });
}

Napi::Value AddLoopback(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  return bridge == nullptr
             ? info.Env().Undefined()
             : Napi::Number::New(info.Env(), bridge->core().Add(std::make_unique<Loopback>(bridge->core())));
}

Napi::Value AddJavascript(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return info.Env().Undefined();
  Core &core = bridge->core();
  const auto id = static_cast<InstanceId>(core.instance_count());
  return Napi::Number::New(info.Env(), core.Add(std::make_unique<Javascript>(core, id)));
}

Napi::Value AddPython(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return env.Undefined();
  if (!PythonRuntime::Get().started()) {
    Expect(env, false, "startPython to have succeeded");
    return env.Undefined();
  }
  const InstanceId id = bridge->AddPython();
  const std::string error = bridge->python(id)->Start(Text(info[1]), Text(info[2]), Text(info[3]));
  if (!error.empty()) return Napi::String::New(env, error);
  return Napi::Number::New(env, id);
}

Napi::Value InstanceCount(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(bridge->core().instance_count()));
}

Napi::Value LoadModule(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  PythonInstance *python = PythonOf(info, bridge);
  if (python == nullptr) return env.Undefined();
  const Core::Entry entry(bridge->core());
  const std::optional<PythonException> raised = python->LoadModule(Text(info[2]), Text(info[3]));
  return raised ? ToJavascript(env, *raised) : env.Null();
}

Napi::Value AddChannels(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  PythonInstance *python = PythonOf(info, bridge);
  if (python == nullptr) return env.Undefined();
  if (!info[2].IsArray()) {
    Expect(env, false, "an array of names");
    return env.Undefined();
  }
  const auto names = info[2].As<Napi::Array>();
  const uint32_t count = names.Length();
  auto indices = Napi::Uint32Array::New(env, count);
  const Core::Entry entry(bridge->core());  // Python threads may look channels up meanwhile
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::HandleScope scope(env);  // of its own: a million handles would need a million slots
    indices[i] = python->AddChannel(Text(names.Get(i)));
  }
  return indices;
}

Napi::Value FixChannels(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  if (PythonInstance *python = PythonOf(info, bridge)) {
    const Core::Entry entry(bridge->core());
    python->FixChannels();
  }
  return info.Env().Undefined();
}

Napi::Value ChannelCount(const Info &info) {
  const PythonInstance *python = PythonOf(info, BridgeOf(info));
  return python == nullptr ? info.Env().Undefined() : Napi::Number::New(info.Env(), python->channels().size());
}

Napi::Value ChannelNames(const Info &info) {
  const Napi::Env env = info.Env();
  const PythonInstance *python = PythonOf(info, BridgeOf(info));
  if (python == nullptr) return env.Undefined();
  const ChannelTable &table = python->channels();
  const uint32_t first = std::min(info[2].ToNumber().Uint32Value(), table.size());
  const uint32_t count = std::min(info[3].ToNumber().Uint32Value(), table.size() - first);
  auto names = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::HandleScope scope(env);
    const std::string_view name = table.name(first + i);
    names.Set(i, Napi::String::New(env, name.data(), name.size()));
  }
  return names;
}

Napi::Value Resolve(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  PythonInstance *python = PythonOf(info, bridge);
  if (python == nullptr) return env.Undefined();
  const std::vector<uint32_t> channels = Numbers(info[2]);
  if (env.IsExceptionPending()) return env.Undefined();
  if (std::any_of(channels.begin(), channels.end(), [&](uint32_t c) { return c >= python->channels().size(); })) {
    Expect(env, false, "channels of the instance");
    return env.Undefined();
  }
  const Core::Entry entry(bridge->core());
  const std::vector<ResolveError> errors = python->Resolve(channels, Text(info[3]));
  auto result = Napi::Array::New(env, errors.size());
  for (uint32_t i = 0; i < errors.size(); ++i) {
    auto object = Napi::Object::New(env);
    const bool is_default = errors[i].channel == ChannelTable::kNone;
    object.Set("channel", is_default ? -1.0 : static_cast<double>(errors[i].channel));
    object.Set("problem", errors[i].problem);
    auto candidates = Napi::Array::New(env, errors[i].candidates.size());
    for (uint32_t n = 0; n < errors[i].candidates.size(); ++n) candidates.Set(n, errors[i].candidates[n]);
    object.Set("candidates", candidates);
    result.Set(i, object);
  }
  return result;
}

// Whether the tables lead nowhere outside themselves, which would crash the router.
bool IsSound(const std::vector<uint32_t> &first_channels, const std::vector<uint32_t> &offsets,
             const std::vector<uint32_t> &targets) {
  if (offsets.empty() || offsets.back() != targets.size() || !std::is_sorted(offsets.begin(), offsets.end()))
    return false;
  const size_t channels = offsets.size() - 1;
  if (!std::is_sorted(first_channels.begin(), first_channels.end())) return false;
  if (!first_channels.empty() && (first_channels.front() != 0 || first_channels.back() > channels)) return false;
  return std::all_of(targets.begin(), targets.end(), [&](uint32_t target) { return target < channels; });
}

Napi::Value Connect(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return env.Undefined();
  const std::vector<uint32_t> first_channels = Numbers(info[1]);
  std::vector<uint32_t> offsets = Numbers(info[2]);
  const std::vector<uint32_t> targets = Numbers(info[3]);
  if (env.IsExceptionPending()) return env.Undefined();
  if (first_channels.size() != bridge->core().instance_count() || !IsSound(first_channels, offsets, targets)) {
    Expect(env, false, "sound tables");
    return env.Undefined();
  }
  bridge->core().Connect(first_channels, std::move(offsets), targets);
  return env.Undefined();
}

Napi::Value Hold(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return env.Undefined();
  const Core::Entry entry(bridge->core());  // what has been queued is delivered on the way out
  bridge->core().Hold(info[1].ToBoolean());
  return env.Undefined();
}

Napi::Value BeginReload(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  if (PythonInstance *python = PythonOf(info, bridge)) {
    const Core::Entry entry(bridge->core());
    python->BeginReload();
  }
  return info.Env().Undefined();
}

Napi::Value Strings(Napi::Env env, const std::vector<std::string> &texts) {
  auto array = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) array.Set(i, texts[i]);
  return array;
}

Napi::Value ReloadChanged(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  PythonInstance *python = PythonOf(info, bridge);
  if (python == nullptr) return env.Undefined();
  const Core::Entry entry(bridge->core());
  const PythonInstance::Reloaded reloaded = python->ReloadChanged();
  auto result = Napi::Object::New(env);
  result.Set("modules", Strings(env, reloaded.modules));
  result.Set("exception", reloaded.exception ? ToJavascript(env, *reloaded.exception) : env.Null());
  return result;
}

Napi::Value EndReload(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  if (PythonInstance *python = PythonOf(info, bridge)) {
    const Core::Entry entry(bridge->core());
    python->EndReload(info[2].ToBoolean());
  }
  return info.Env().Undefined();
}

Napi::Value SourceFiles(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  PythonInstance *python = PythonOf(info, bridge);
  if (python == nullptr) return env.Undefined();
  const Core::Entry entry(bridge->core());
  return Strings(env, python->SourceFiles());
}

Napi::Value Retire(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return env.Undefined();
  const uint32_t instance = info[1].ToNumber().Uint32Value();
  if (instance >= bridge->core().instance_count()) {
    Expect(env, false, "an instance");
    return env.Undefined();
  }
  bridge->core().Retire(instance);
  return env.Undefined();
}

Napi::Value Run(const Info &info) {
  if (JsBridge *bridge = BridgeOf(info)) bridge->core().Run();
  return info.Env().Undefined();
}

Napi::Value Emit(const Info &info) {
  if (JsBridge *bridge = BridgeOf(info)) bridge->EmitOutbox(info[1].As<Napi::Number>().Uint32Value());
  return info.Env().Undefined();
}

Napi::Value RunIntervals(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return env.Undefined();
  const auto array = info[1].As<Napi::Uint32Array>();
  const size_t count = std::min<size_t>(info[2].As<Napi::Number>().Uint32Value(), array.ElementLength() / 2);
  const std::vector<uint32_t> pairs(array.Data(), array.Data() + 2 * count);  // user code may change what is due
  const Core::Entry entry(bridge->core());
  for (size_t i = 0; i < count; ++i) {
    PythonInstance *python = bridge->python(pairs[2 * i]);
    if (python != nullptr && python->usable()) python->RunInterval(pairs[2 * i + 1]);
  }
  return env.Undefined();
}

Napi::Value Now(const Info &info) {
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return info.Env().Undefined();
  uv_update_time(bridge->core().loop());
  return Napi::Number::New(info.Env(), static_cast<double>(uv_now(bridge->core().loop())));
}

Napi::Value Tap(const Info &info) {
  if (JsBridge *bridge = BridgeOf(info)) bridge->core().Tap(info[1].ToBoolean());
  return info.Env().Undefined();
}

Napi::Value Stop(const Info &info) {
  const Napi::Env env = info.Env();
  JsBridge *bridge = BridgeOf(info);
  if (bridge == nullptr) return env.Undefined();
  if (!info[1].IsFunction()) {
    Expect(env, false, "a callback");
    return env.Undefined();
  }
  Environment *environment = &EnvironmentOf(env);
  bridge->Stop(info[1].As<Napi::Function>(),
               [environment, bridge](bool in_use) { environment->Forget(bridge, in_use); });
  return env.Undefined();
}

Napi::Value EndOnSecondSignal(const Info &info) {
  mmpy::EndOnSecondSignal();
  return info.Env().Undefined();
}

Napi::Value StopSignalWasSeen(const Info &info) { return Napi::Boolean::New(info.Env(), mmpy::StopSignalSeen()); }

Napi::Value TellStuckCode(const Info &info) {
  const std::string format = info.Length() > 0 ? Text(info[0]) : "";
  PythonRuntime::Get().watchdog().SetTell(format == "json"      ? Watchdog::Tell::kJson
                                          : format == "text"    ? Watchdog::Tell::kText
                                          : format == "journal" ? Watchdog::Tell::kJournal
                                                                : Watchdog::Tell::kNothing);
  return info.Env().Undefined();
}

Napi::Value NotifyServiceManager(const Info &info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsString()) {
    Expect(env, false, "a socket and a text");
    return env.Undefined();
  }
  const std::string problem = mmpy::NotifyService(Text(info[0]), Text(info[1]));
  return problem.empty() ? env.Null() : Napi::Value(Napi::String::New(env, problem));
}

// An environment is freed by its own cleanup, after its last handle is closed, so the finalizer frees nothing.
void KeepEnvironment(Napi::Env, Environment *) {}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto environment = std::make_unique<Environment>(env);
  env.SetInstanceData<Environment, KeepEnvironment>(environment.release());
  const std::pair<const char *, Napi::Value (*)(const Info &)> functions[] = {
      {"startPython", StartPython},
      {"pythonVersion", PythonVersion},
      {"createCore", CreateCore},
      {"addLoopback", AddLoopback},
      {"addJavascript", AddJavascript},
      {"addPython", AddPython},
      {"instanceCount", InstanceCount},
      {"loadModule", LoadModule},
      {"addChannels", AddChannels},
      {"fixChannels", FixChannels},
      {"channelCount", ChannelCount},
      {"channelNames", ChannelNames},
      {"resolve", Resolve},
      {"connect", Connect},
      {"hold", Hold},
      {"beginReload", BeginReload},
      {"reloadChanged", ReloadChanged},
      {"endReload", EndReload},
      {"sourceFiles", SourceFiles},
      {"retire", Retire},
      {"run", Run},
      {"emit", Emit},
      {"runIntervals", RunIntervals},
      {"now", Now},
      {"tap", Tap},
      {"endOnSecondSignal", EndOnSecondSignal},
      {"stopSignalSeen", StopSignalWasSeen},
      {"tellStuckCode", TellStuckCode},
      {"notifyService", NotifyServiceManager},
      {"stop", Stop},
  };
  for (const auto &[name, function] : functions) exports.Set(name, Napi::Function::New(env, function, name));
  return exports;
}

}  // namespace
}  // namespace mmpy

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return mmpy::Init(env, exports); }

NODE_API_MODULE(midimonster_python, InitAddon)
