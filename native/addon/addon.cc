// The addon's entry point: exports the functions documented in binding.d.ts.
#include <napi.h>

#include <memory>
#include <string>

#include "addon/arguments.h"
#include "addon/environment.h"
#ifdef __linux__
#include "io/loop_functions.h"
#endif

namespace {

// An environment is freed by its own cleanup, after its last handle is closed, so the finalizer frees nothing.
void KeepEnvironment(Napi::Env, mmpy::Environment *) {}

Napi::Object InitAddon(Napi::Env env, Napi::Object exports) {
#ifdef __linux__
  // As weak symbols (node_symbols.h) they are no errors of loading. This one is of the newest version of Node-API that
  // is used, and a Node that has it has the others.
  if (napi_add_async_cleanup_hook == nullptr) {
    napi_throw_error(env, nullptr, "undefined symbol: napi_add_async_cleanup_hook");
    return exports;
  }
  if (const char *const missing = mmpy::UseLoopOfProgram()) {
    Napi::Error::New(env, std::string("this Node lacks a function of libuv, ") + missing).ThrowAsJavaScriptException();
    return exports;
  }
#endif
  const auto init = [&] {
    auto environment = std::make_unique<mmpy::Environment>(env);
    env.SetInstanceData<mmpy::Environment, KeepEnvironment>(environment.release());
    mmpy::ExportProcess(exports);
    mmpy::ExportCore(exports);
    mmpy::ExportInstances(exports);
    mmpy::ExportMidi(exports);
    mmpy::ExportMonitor(exports);
    mmpy::ExportOsc(exports);
    mmpy::ExportProcesses(exports);
    mmpy::ExportReload(exports);
    mmpy::ExportUdp(exports);
  };
  mmpy::Guard(init, [&](const char *what) { Napi::Error::New(env, what).ThrowAsJavaScriptException(); });
  return exports;
}

}  // namespace

NODE_API_MODULE(midimonster_python, InitAddon)
