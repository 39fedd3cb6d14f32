#include "addon/failure.h"

#include <string_view>

namespace mmpy {

void WarnOfFailure(Napi::Env env, const char *what) {
  const Napi::HandleScope scope(env);
  napi_value pending = nullptr;
  napi_get_and_clear_last_exception(env, &pending);
  napi_value process = nullptr;
  napi_value warn = nullptr;
  napi_value text = nullptr;
  std::string_view message(what);
  if (napi_get_named_property(env, env.Global(), "process", &process) == napi_ok &&
      napi_get_named_property(env, process, "emitWarning", &warn) == napi_ok &&
      napi_create_string_utf8(env, what, message.size(), &text) == napi_ok) {
    napi_call_function(env, process, warn, 1, &text, nullptr);
  }
  napi_get_and_clear_last_exception(env, &pending);
}

}  // namespace mmpy
