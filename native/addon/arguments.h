// Checks the arguments of the addon's functions: one that differs from binding.d.ts causes a JavaScript TypeError.
//
// Functions throw C++ exceptions; Export() is the only place that catches them.
#ifndef MMPY_ARGUMENTS_H
#define MMPY_ARGUMENTS_H

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "addon/environment.h"
#include "addon/js_bridge.h"
#include "instance/python_instance.h"
#include "io/guard.h"

namespace mmpy {

// An argument has the wrong type or value.
class Unexpected : public std::runtime_error {
 public:
  explicit Unexpected(const std::string &expected) : std::runtime_error("expected " + expected) {}
};

using BridgeHandle = std::shared_ptr<JsBridge>;

class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo &info) : info_(info) {}

  Napi::Env env() const { return info_.Env(); }
  Environment &environment() const { return *env().GetInstanceData<Environment>(); }

  // The core passed as the first argument, and its python instance with the number passed as the second.
  const BridgeHandle &handle() const {
    if (!info_[size_t{0}].IsExternal()) throw Unexpected("a core");
    return *info_[size_t{0}].As<Napi::External<BridgeHandle>>().Data();
  }
  JsBridge &bridge() const { return *handle(); }
  Core &core() const { return bridge().core(); }
  PythonInstance &python() const {
    PythonInstance *const python = info_[1].IsNumber() ? bridge().python(number(1)) : nullptr;
    if (python == nullptr || !python->usable()) throw Unexpected("the number of a live python instance");
    return *python;
  }

  std::string text(size_t i) const {
    if (!info_[i].IsString()) throw Unexpected("a string");
    return info_[i].As<Napi::String>().Utf8Value();
  }
  uint32_t number(size_t i) const {
    if (!info_[i].IsNumber()) throw Unexpected("a number");
    return info_[i].As<Napi::Number>().Uint32Value();
  }
  bool flag(size_t i) const { return info_[i].ToBoolean(); }
  Napi::Value value(size_t i) const { return info_[i]; }
  bool is_null(size_t i) const { return info_[i].IsNull(); }
  Napi::Object object(size_t i) const {
    if (!info_[i].IsObject()) throw Unexpected("an object");
    return info_[i].As<Napi::Object>();
  }
  Napi::Array array(size_t i) const {
    if (!info_[i].IsArray()) throw Unexpected("an array");
    return info_[i].As<Napi::Array>();
  }
  Napi::Function function(size_t i) const {
    if (!info_[i].IsFunction()) throw Unexpected("a function");
    return info_[i].As<Napi::Function>();
  }
  // A copy: user code may change the underlying buffer.
  std::vector<uint32_t> numbers(size_t i) const {
    if (!info_[i].IsTypedArray() || info_[i].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
      throw Unexpected("a Uint32Array");
    }
    const auto array = info_[i].As<Napi::Uint32Array>();
    return std::vector<uint32_t>(array.Data(), array.Data() + array.ElementLength());
  }
  // The elements of a typed array, until JavaScript runs again.
  template <typename T>
  struct View {
    T *data;
    size_t size;
  };
  template <typename T>
  View<T> view(size_t i) const {
    struct Types : Napi::TypedArray {
      using TypedArray::TypedArrayTypeForPrimitiveType;
    };
    constexpr auto kWanted = Types::template TypedArrayTypeForPrimitiveType<T>();
    napi_typedarray_type type = napi_int8_array;
    size_t size = 0;
    void *data = nullptr;
    const napi_status status = napi_get_typedarray_info(env(), info_[i], &type, &size, &data, nullptr, nullptr);
    if (status != napi_ok || type != kWanted) throw Unexpected("a typed array of another kind");
    return {static_cast<T *>(data), size};
  }

 private:
  const Napi::CallbackInfo &info_;
};

using AddonFunction = Napi::Value (*)(const Arguments &arguments);

// Exports a function of the addon to JavaScript.
template <AddonFunction kFunction>
void Export(Napi::Object exports, const char *name) {
  const auto guarded = [](const Napi::CallbackInfo &info) -> Napi::Value {
    const Napi::Env env = info.Env();
    Napi::Value result;
    const auto call = [&] {
      try {
        result = kFunction(Arguments(info));
      } catch (const Unexpected &unexpected) {
        Napi::TypeError::New(env, unexpected.what()).ThrowAsJavaScriptException();
      }
    };
    Guard(call, [&](const char *what) { napi_throw_error(env, nullptr, what); });
    return result.IsEmpty() ? env.Undefined() : result;
  };
  exports.Set(name, Napi::Function::New(exports.Env(), +guarded, name));
}

inline Napi::Value TextOrNull(Napi::Env env, const std::string &text) {
  return text.empty() ? env.Null() : Napi::Value(Napi::String::New(env, text));
}

inline Napi::Value RaisedOrNull(Napi::Env env, const std::optional<PythonException> &raised) {
  return raised ? Napi::Value(ToJavascript(env, *raised)) : env.Null();
}

inline Napi::Array Strings(Napi::Env env, const std::vector<std::string> &texts) {
  auto array = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) array.Set(i, texts[i]);
  return array;
}

// The functions of binding.d.ts, by subject.
void ExportProcess(Napi::Object exports);
void ExportCore(Napi::Object exports);
void ExportInstances(Napi::Object exports);
void ExportMidi(Napi::Object exports);
void ExportMonitor(Napi::Object exports);
void ExportOsc(Napi::Object exports);
void ExportProcesses(Napi::Object exports);
void ExportReload(Napi::Object exports);
void ExportUdp(Napi::Object exports);

}  // namespace mmpy

#endif
