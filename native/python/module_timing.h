/* The module's functions about time: interval(), after() and started(). */
#ifndef MMPY_MODULE_TIMING_H
#define MMPY_MODULE_TIMING_H

#include "python/api.h"

PyObject *mmpy_interval(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names);
PyObject *mmpy_after(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *mmpy_started(PyObject *self, PyObject *function);

extern const char mmpy_interval_doc[];
extern const char mmpy_after_doc[];
extern const char mmpy_started_doc[];

#endif
