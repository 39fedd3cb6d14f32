// Converts Python exceptions to data.
#ifndef MMPY_EXCEPTION_H
#define MMPY_EXCEPTION_H

#include "python/api.h"
#include "python/py_ref.h"
#include "routing/raised.h"

namespace mmpy {

// Takes the current exception, with its traceback. Empty if none is set.
PyRef TakeRaised();

// Reads the result of describe_exception() in python/runtime/exceptions.py. No exception is set afterwards.
PythonException ToException(PyObject *description);

// A substitute if describe_exception() fails: the type only.
PythonException Undescribed(PyObject *exception);

}  // namespace mmpy

#endif
