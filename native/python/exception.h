// From an exception of an interpreter's to data.
#ifndef MMPY_EXCEPTION_H
#define MMPY_EXCEPTION_H

#include "python/api.h"
#include "python/py_ref.h"
#include "routing/raised.h"

namespace mmpy {

// The current exception with its traceback, no longer current; empty if there is none.
PyRef TakeRaised();

// Reads what describe_exception() of the bootstrap code returns. No exception is set afterwards, whatever is found.
PythonException ToException(PyObject *description);

// What can be said of an exception without running Python code: its type.
PythonException Undescribed(PyObject *exception);

}  // namespace mmpy

#endif
