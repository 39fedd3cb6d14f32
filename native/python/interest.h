/* What manage() waits for, as its caller says. */
#ifndef MMPY_INTEREST_H
#define MMPY_INTEREST_H

#include "python/api.h"

/* Reads manage()'s parameters read and write, by position or by name, into what it waits for: bits of MMPY_READ and
 * MMPY_WRITE, 0 if nothing was said. Returns 0, or -1 with an exception set. */
int mmpy_read_interest(PyObject *const *arguments, Py_ssize_t count, PyObject *names, unsigned *interest);

#endif
