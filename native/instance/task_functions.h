// What an instance's event loop (python/runtime/eventloop.py) calls of its tasks.
#ifndef MMPY_TASK_FUNCTIONS_H
#define MMPY_TASK_FUNCTIONS_H

#include "python/py_ref.h"

namespace mmpy {

// A dictionary of functions for the instance whose link `capsule` holds; empty with an exception set. With the GIL.
PyRef TaskFunctions(PyObject *capsule);

}  // namespace mmpy

#endif
