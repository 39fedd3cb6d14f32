// A python instance that is reloaded: its parts together, and python/runtime/reload.py.
#include <utility>

#include "instance/python_instance.h"

namespace mmpy {

PyObject *PythonInstance::Previous() { return home_.interpreter.CallHelper("previous", {}).release(); }

// Calls a function of python/runtime/reload.py.
PyRef PythonInstance::CallReloading(const char *function, PyObject *first, PyObject *second) {
  const PyRef name = PyRef::Steal(PyUnicode_FromString(function));
  if (!name) return {};
  if (first == nullptr) return home_.interpreter.CallHelper("reloading", {name.get()});
  if (second == nullptr) return home_.interpreter.CallHelper("reloading", {name.get(), first});
  return home_.interpreter.CallHelper("reloading", {name.get(), first, second});
}

std::optional<PythonException> PythonInstance::ParseChanged() {
  const GilScope own(home_.gil, state());
  const WatchedCall watched(home_.watchdog, AsLoading(), home_.interpreter.interpreter_state());
  const PyRef raised = CallReloading("parse_changed");
  if (!raised) return home_.interpreter.TakeException();
  if (mmpy_is_none(raised.get()) != 0) return {};
  return ToException(raised.get());
}

void PythonInstance::BeginReload() {
  const GilScope own(home_.gil, state());
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("finalizers"), home_.interpreter.interpreter_state());
  sockets_.Begin();  // first, since it takes memory
  home_.reloading = true;
  old_dropped_ = false;
  channels_.Begin();
  output_.Begin();
  batches_.Begin();
  handlers_.Begin();
  intervals_.Begin();
  start_functions_.Begin();
  cleanup_.Begin();
}

PythonInstance::Reloaded PythonInstance::ReloadChanged() {
  const GilScope own(home_.gil, state());
  const WatchedCall watched(home_.watchdog, AsLoading(), home_.interpreter.interpreter_state());
  const PythonRuntime::AddressScope addresses(PythonRuntime::Get());
  const PyRef result = CallReloading("reload_changed");
  if (!result) return {{}, home_.interpreter.TakeException(), {}};
  Reloaded reloaded;
  reloaded.modules = ToTexts(ItemOf(result.get(), 0));
  PyObject *const raised = ItemOf(result.get(), 1);
  if (mmpy_is_none(raised) == 0) {
    reloaded.exception = ToException(raised);
    if (!addresses.last().empty()) reloaded.exception->address = addresses.last();
  }
  const PyRef missing = CallReloading("missing_modules");
  for (Py_ssize_t i = 0; missing && i < PyList_Size(missing.get()); ++i) {
    PyObject *const one = PyList_GetItem(missing.get(), i);
    reloaded.missing.push_back({ToText(PyTuple_GetItem(one, 0)), ToText(PyTuple_GetItem(one, 1))});
  }
  PyErr_Clear();
  return reloaded;
}

void PythonInstance::DropOld() {
  if (std::exchange(old_dropped_, true)) return;
  const GilScope own(home_.gil, state());
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("search for functions of old versions"),
                            home_.interpreter.interpreter_state());
  const PyRef modules = CallReloading("reloaded_modules");
  if (!modules) {
    PyErr_Clear();
    return;
  }
  const IsMeant is_old = [&](PyObject *function) {
    const PyRef answer = CallReloading("belongs", function, modules.get());
    const bool belongs = answer && mmpy_is_none(answer.get()) == 0;
    PyErr_Clear();
    return belongs;
  };
  // What is not found to be old for lack of memory stays.
  const auto drop = [&](auto &...parts) { (..., home_.core.Try([&] { parts.DropOld(is_old); })); };
  drop(batches_, intervals_, sockets_, cleanup_);
}

void PythonInstance::EndReload(bool keep) {
  if (!home_.reloading) return;
  const GilScope own(home_.gil, state());
  if (keep) DropOld();
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("finalizers"), home_.interpreter.interpreter_state());
  home_.reloading = false;
  // What goes is released here: that runs user code (__del__), which finds the reload over.
  // Whatever fails, the rest is to be done.
  const auto end_one = [&](auto &part) { home_.core.Try([&] { keep ? part.Commit() : part.Rollback(); }); };
  const auto end = [&](auto &...parts) { (..., end_one(parts)); };
  end(channels_, output_, batches_, handlers_, intervals_, start_functions_, sockets_, cleanup_);
  const PyRef kept = PyRef::Steal(PyLong_FromUnsignedLongLong(keep ? 1 : 0));
  if (!kept || !CallReloading("end_reload", kept.get())) PyErr_Clear();
}

std::vector<std::string> PythonInstance::SourceFiles() {
  const GilScope own(home_.gil, state());
  const WatchedCall watched(home_.watchdog, AsLoading(), home_.interpreter.interpreter_state());
  const PyRef names = CallReloading("source_files");
  PyErr_Clear();
  return ToTexts(names.get());
}

}  // namespace mmpy
