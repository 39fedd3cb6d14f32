/*
 * Compiled, never run: CPython's own headers say whether the signatures in python_symbols.inc are right. A function
 * whose type differs in this version is an error here, before it is a crash on somebody's machine.
 */
#include <Python.h>

#if PY_VERSION_HEX < 0x030A0000
/* A macro there, and a function only for users of the stable ABI, like us. */
#undef Py_CompileString
PyAPI_FUNC(PyObject *) Py_CompileString(const char *, const char *, int);
#endif

#define PYTHON_FUNCTION(result, name, parameters) \
  result(*check_##name) parameters = (&name); /* an incompatible pointer is an error */
#if PY_VERSION_HEX >= 0x030B0000
#define PYTHON_OPTIONAL PYTHON_FUNCTION
#else
#define PYTHON_OPTIONAL(result, name, parameters) /* inline there, or not there at all */
#endif
#include "../../native/python_symbols.inc"
