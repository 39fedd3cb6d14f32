#include "python/api.h"

#include <dlfcn.h>

#define PYTHON_FUNCTION(result, name, parameters) result(*name) parameters = nullptr;
#define PYTHON_OPTIONAL PYTHON_FUNCTION
#define PYTHON_SINCE(minor, result, name, parameters) PYTHON_FUNCTION(result, name, parameters)
extern "C" {
#include "python/symbols.inc"
}
#undef PYTHON_FUNCTION
#undef PYTHON_OPTIONAL
#undef PYTHON_SINCE

namespace {

template <typename Function>
bool Find(void *library, const char *name, Function *target) {
  *target = reinterpret_cast<Function>(dlsym(library, name));
  return *target != nullptr;
}

// The first missing function of the newer initialization API (3.14); NULL if all are available.
const char *MissingForInitConfig() {
  if (PyInitConfig_Create == nullptr) return "PyInitConfig_Create";
  if (PyInitConfig_Free == nullptr) return "PyInitConfig_Free";
  if (PyInitConfig_SetInt == nullptr) return "PyInitConfig_SetInt";
  if (PyInitConfig_SetStr == nullptr) return "PyInitConfig_SetStr";
  if (PyInitConfig_GetError == nullptr) return "PyInitConfig_GetError";
  if (Py_InitializeFromInitConfig == nullptr) return "Py_InitializeFromInitConfig";
  return nullptr;
}

}  // namespace

const char *mmpy_python_bind(void *library) {
#define PYTHON_FUNCTION(result, name, parameters) \
  if (!Find(library, #name, &name)) return #name;
#define PYTHON_OPTIONAL(result, name, parameters) Find(library, #name, &name);
#define PYTHON_SINCE(minor, result, name, parameters) Find(library, #name, &name);
#include "python/symbols.inc"
#undef PYTHON_FUNCTION
#undef PYTHON_OPTIONAL
#undef PYTHON_SINCE

  // Before 3.11 PyObject_Vectorcall exists only as an inline function; this one does the same and is exported from 3.9.
  if (PyObject_Vectorcall == nullptr) PyObject_Vectorcall = PyObject_VectorcallDict;
  // Where there are two ways to do one thing, every CPython has at least one.
  if (const char *missing = MissingForInitConfig()) {
    if (Py_SetProgramName == nullptr) return PyInitConfig_Create == nullptr ? "Py_SetProgramName" : missing;
    PyInitConfig_Create = nullptr;
  }
  if (PyErr_GetRaisedException == nullptr) {
    if (PyErr_Fetch == nullptr) return "PyErr_Fetch";
    if (PyErr_NormalizeException == nullptr) return "PyErr_NormalizeException";
    if (PyException_SetTraceback == nullptr) return "PyException_SetTraceback";
  }
  return nullptr;
}
