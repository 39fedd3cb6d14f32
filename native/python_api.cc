#include "python_api.h"

#include <dlfcn.h>

#define PYTHON_FUNCTION(result, name, parameters) result(*name) parameters = nullptr;
#define PYTHON_OPTIONAL PYTHON_FUNCTION
extern "C" {
#include "python_symbols.inc"
}
#undef PYTHON_FUNCTION
#undef PYTHON_OPTIONAL

namespace {

template <typename Function>
bool Find(void *library, const char *name, Function *target) {
  *target = reinterpret_cast<Function>(dlsym(library, name));
  return *target != nullptr;
}

}  // namespace

const char *mmpy_python_bind(void *library) {
#define PYTHON_FUNCTION(result, name, parameters) \
  if (!Find(library, #name, &name)) return #name;
#define PYTHON_OPTIONAL(result, name, parameters) Find(library, #name, &name);
#include "python_symbols.inc"
#undef PYTHON_FUNCTION
#undef PYTHON_OPTIONAL

  // Before 3.11 PyObject_Vectorcall exists only as an inline function; this one does the same and is exported from 3.9.
  if (PyObject_Vectorcall == nullptr) PyObject_Vectorcall = PyObject_VectorcallDict;
  return nullptr;
}
