// Reloading: new versions of modules, removed instances.
#include "addon/arguments.h"

namespace mmpy {

namespace {

Napi::Value ParseChanged(const Arguments &arguments) {
  PythonInstance &python = arguments.python();
  const Core::Entry entry(arguments.core());
  return RaisedOrNull(arguments.env(), python.ParseChanged());
}

Napi::Value BeginReload(const Arguments &arguments) {
  PythonInstance &python = arguments.python();
  const Core::Entry entry(arguments.core());
  python.BeginReload();
  return arguments.env().Undefined();
}

Napi::Value ReloadChanged(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  PythonInstance &python = arguments.python();
  const Core::Entry entry(arguments.core());
  const PythonInstance::Reloaded reloaded = python.ReloadChanged();
  auto result = Napi::Object::New(env);
  result.Set("modules", Strings(env, reloaded.modules));
  result.Set("exception", RaisedOrNull(env, reloaded.exception));
  auto missing = Napi::Array::New(env, reloaded.missing.size());
  for (uint32_t i = 0; i < reloaded.missing.size(); ++i) {
    auto one = Napi::Object::New(env);
    one.Set("module", reloaded.missing[i].module);
    one.Set("file", reloaded.missing[i].file);
    missing.Set(i, one);
  }
  result.Set("missing", missing);
  return result;
}

Napi::Value EndReload(const Arguments &arguments) {
  PythonInstance &python = arguments.python();
  const Core::Entry entry(arguments.core());
  python.EndReload(arguments.flag(2));
  return arguments.env().Undefined();
}

Napi::Value SourceFiles(const Arguments &arguments) {
  PythonInstance &python = arguments.python();
  const Core::Entry entry(arguments.core());
  return Strings(arguments.env(), python.SourceFiles());
}

Napi::Value BeginRetire(const Arguments &arguments) {
  Core &core = arguments.core();
  const uint32_t instance = arguments.number(1);
  if (instance >= core.instance_count()) throw Unexpected("an instance");
  return Napi::Boolean::New(arguments.env(), core.BeginRetire(instance));
}

Napi::Value Retire(const Arguments &arguments) {
  Core &core = arguments.core();
  const std::vector<uint32_t> instances = arguments.numbers(1);
  for (const uint32_t instance : instances) {
    if (instance >= core.instance_count()) throw Unexpected("instances");
  }
  core.Retire(instances);
  return arguments.env().Undefined();
}

}  // namespace

void ExportReload(Napi::Object exports) {
  Export<ParseChanged>(exports, "parseChanged");
  Export<BeginReload>(exports, "beginReload");
  Export<ReloadChanged>(exports, "reloadChanged");
  Export<EndReload>(exports, "endReload");
  Export<SourceFiles>(exports, "sourceFiles");
  Export<BeginRetire>(exports, "beginRetire");
  Export<Retire>(exports, "retire");
}

}  // namespace mmpy
