/*
 * Compiled, never run: CPython's own headers say whether the signatures in symbols.inc are right. A function
 * whose type differs in this version is an error here, before it is a crash on somebody's machine.
 */
#include <Python.h>
#include <marshal.h>

#if PY_VERSION_HEX < 0x030A0000
/* A macro there, and a function only for users of the stable ABI, like us. */
#undef Py_CompileString
PyAPI_FUNC(PyObject *) Py_CompileString(const char *, const char *, int);
#endif

#define PYTHON_FUNCTION(result, name, parameters) \
  result(*check_##name) parameters = (&name); /* an incompatible pointer is an error */
#define PYTHON_OPTIONAL PYTHON_FUNCTION
#define NOT_THERE(result, name, parameters)
#define PYTHON_SINCE(minor, result, name, parameters) SINCE_##minor(result, name, parameters)
#if PY_VERSION_HEX >= 0x030B0000
#define SINCE_11 PYTHON_FUNCTION
#else
#define SINCE_11 NOT_THERE /* there as an inline function */
#endif
#if PY_VERSION_HEX >= 0x030C0000
#define SINCE_12 PYTHON_FUNCTION
#else
#define SINCE_12 NOT_THERE
#endif
#if PY_VERSION_HEX >= 0x030E0000
#define SINCE_14 PYTHON_FUNCTION
#else
#define SINCE_14 NOT_THERE
#define PyInitConfig void
#endif
#include "../../native/python/symbols.inc"
