// State of the process: its CPython, signals, the service manager.
#include <unistd.h>

#include <string>

#include "addon/arguments.h"
#include "io/service_notify.h"
#include "io/stop_signals.h"
#include "io/stream_writer.h"
#include "python/runtime.h"

namespace mmpy {

namespace {

std::string Text(const Napi::Value &value) {
  if (!value.IsString()) throw Unexpected("a string");
  return value.As<Napi::String>().Utf8Value();
}

uint64_t Milliseconds(const Napi::Value &value) {
  if (!value.IsNumber()) throw Unexpected("a number of milliseconds");
  return value.As<Napi::Number>().Uint32Value();
}

Napi::Value StartPython(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  const Napi::Object object = arguments.object(0);
  PythonOptions options;
  options.library = Text(object.Get("library"));
  options.program_name = Text(object.Get("programName"));
  options.bootstrap_path = Text(object.Get("bootstrapPath"));
  options.deep_bind = object.Get("deepBind").ToBoolean();
  options.ignore_home = object.Get("ignoreHome").ToBoolean();
  const uint64_t warn_ms = Milliseconds(object.Get("handlerWarn"));
  const uint64_t timeout_ms = Milliseconds(object.Get("handlerTimeout"));
  const PythonLoadError error = PythonRuntime::Get().Start(arguments.environment().id(), options);
  if (!error) {
    PythonRuntime::Get().watchdog().SetLimits(warn_ms, timeout_ms);
    return env.Null();
  }
  auto result = Napi::Object::New(env);
  result.Set("code", error.code);
  result.Set("message", error.message);
  return result;
}

Napi::Value PythonVersion(const Arguments &arguments) {
  return Napi::String::New(arguments.env(), PythonRuntime::Get().version());
}

Napi::Value CallsBackIntoInstances(const Arguments &arguments) {
  const GilState::Kind kind = PythonRuntime::Get().gil().stored().kind();
  return Napi::Boolean::New(arguments.env(), kind != GilState::Kind::kUnknown);
}

Napi::Value EndOnSecond(const Arguments &arguments) {
  EndOnSecondSignal();
  return arguments.env().Undefined();
}

Napi::Value SignalSeen(const Arguments &arguments) { return Napi::Boolean::New(arguments.env(), StopSignalSeen()); }

Napi::Value PrintStuckCode(const Arguments &arguments) {
  const LogFormat printed = LogFormatNamed(arguments.is_null(0) ? "" : arguments.text(0));
  PythonRuntime::Get().watchdog().SetPrinting(printed, arguments.flag(1));
  TellOfLeftOut(arguments.flag(1) ? LogFormat::kNone : printed);
  return arguments.env().Undefined();
}

Napi::Value FormatStreams(const Arguments &arguments) {
  const auto format = [&](size_t i) { return arguments.is_null(i) ? "" : arguments.text(i); };
  PythonRuntime::Get().SetStreamFormats({format(0), format(1)});
  return arguments.env().Undefined();
}

Napi::Value FormatsInUse(const Arguments &arguments) {
  PythonRuntime &runtime = PythonRuntime::Get();
  const StreamFormats &formats = runtime.stream_formats();
  const Watchdog &watchdog = runtime.watchdog();
  return Strings(arguments.env(), {formats.output, formats.errors, NameOf(watchdog.printing()),
                                   watchdog.prints_only_errors() ? "errors" : ""});
}

Napi::Value WriteLog(const Arguments &arguments) {
  const std::string text = arguments.text(0);
  StreamWriter::Of(STDERR_FILENO).Write(text.data(), text.size());  // in vain if it is closed
  return arguments.env().Undefined();
}

Napi::Value EndProcess(const Arguments &arguments) {
  const auto status = static_cast<int>(arguments.number(0));
  FlushStandardStreams();
  _exit(status);
}

Napi::Value NotifyServiceManager(const Arguments &arguments) {
  return TextOrNull(arguments.env(), NotifyService(arguments.text(0), arguments.text(1)));
}

}  // namespace

void ExportProcess(Napi::Object exports) {
  Export<StartPython>(exports, "startPython");
  Export<PythonVersion>(exports, "pythonVersion");
  Export<CallsBackIntoInstances>(exports, "callsBackIntoInstances");
  Export<EndOnSecond>(exports, "endOnSecondSignal");
  Export<SignalSeen>(exports, "stopSignalSeen");
  Export<PrintStuckCode>(exports, "printStuckCode");
  Export<FormatStreams>(exports, "formatStreams");
  Export<FormatsInUse>(exports, "formatsInUse");
  Export<WriteLog>(exports, "writeLog");
  Export<EndProcess>(exports, "endProcess");
  Export<NotifyServiceManager>(exports, "notifyService");
}

}  // namespace mmpy
