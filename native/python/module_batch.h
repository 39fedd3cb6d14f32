/* The module's function batch(), and what python/runtime/batch.py calls (mmpy_batch_functions() in module.h). */
#ifndef MMPY_MODULE_BATCH_H
#define MMPY_MODULE_BATCH_H

#include "python/api.h"

PyObject *mmpy_batch(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

extern const char mmpy_batch_doc[];

#endif
