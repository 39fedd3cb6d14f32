// Instances in processes of their own.
#include <string.h>

#include <string>

#include "addon/arguments.h"
#include "io/steady_ms.h"
#include "routing/report_kind.h"

namespace mmpy {

namespace {

ProcessLink &LinkOf(const Arguments &arguments) {
  ProcessLink *const link = arguments.bridge().process(arguments.number(1));
  if (link == nullptr) throw Unexpected("the number of an instance with a process of its own");
  return *link;
}

Napi::Value AddProcess(const Arguments &arguments) {
  return Napi::Number::New(arguments.env(), arguments.bridge().AddProcess());
}

Napi::Value OpenProcess(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  ProcessLink::Descriptors opened;
  const int error = LinkOf(arguments).Open(opened);
  if (error != 0) return Napi::String::New(env, strerror(error));
  auto result = Napi::Object::New(env);
  result.Set("requests", opened.requests[0]);
  result.Set("processRequests", opened.requests[1]);
  result.Set("memory", opened.memory);
  result.Set("wake", opened.wake);
  result.Set("routerWake", opened.router_wake);
  result.Set("crash", opened.crash);
  return result;
}

Napi::Value ProcessSpawned(const Arguments &arguments) {
  LinkOf(arguments).Spawned(static_cast<pid_t>(arguments.number(2)));
  return arguments.env().Undefined();
}

Napi::Value ProcessReady(const Arguments &arguments) {
  const uint64_t replaced = LinkOf(arguments).Ready();
  return Napi::Number::New(arguments.env(), static_cast<double>(replaced));
}

Napi::Value ProcessReported(const Arguments &arguments) {
  Core &core = arguments.core();
  const std::string kind = arguments.text(2);
  const std::string role = arguments.text(3);
  const Core::Entry entry(core);
  for (const auto counted : {Report::Kind::kException, Report::Kind::kSlow}) {
    if (kind == KindName(counted)) core.CountReport(arguments.number(1), counted, role);
  }
  return arguments.env().Undefined();
}

Napi::Value ProcessEnded(const Arguments &arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(LinkOf(arguments).Ended()));
}

Napi::Value ProcessBusy(const Arguments &arguments) {
  const uint64_t since = LinkOf(arguments).busy_since_ms();
  const uint64_t now = SteadyMs();
  return Napi::Number::New(arguments.env(), since == 0 || since > now ? 0 : static_cast<double>(now - since));
}

Napi::Value ProcessBroken(const Arguments &arguments) {
  return Napi::Boolean::New(arguments.env(), LinkOf(arguments).broken());
}

}  // namespace

void ExportProcesses(Napi::Object exports) {
  Export<AddProcess>(exports, "addProcess");
  Export<OpenProcess>(exports, "openProcess");
  Export<ProcessSpawned>(exports, "processSpawned");
  Export<ProcessReady>(exports, "processReady");
  Export<ProcessReported>(exports, "processReported");
  Export<ProcessEnded>(exports, "processEnded");
  Export<ProcessBusy>(exports, "processBusy");
  Export<ProcessBroken>(exports, "processBroken");
}

}  // namespace mmpy
