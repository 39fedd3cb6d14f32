#include "python/interest.h"

#include <string.h>

#include "python/module.h"

int mmpy_read_interest(PyObject *const *arguments, Py_ssize_t count, PyObject *names, unsigned *interest) {
  static const char *const parameters[] = {"read", "write"};
  PyObject *given[2] = {count > 2 ? arguments[2] : NULL, count > 3 ? arguments[3] : NULL};
  const Py_ssize_t named = names == NULL ? 0 : PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < named; i++) {
    const char *name = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(names, i), NULL);
    if (name == NULL) return -1;
    const int which = strcmp(name, parameters[0]) == 0 ? 0 : strcmp(name, parameters[1]) == 0 ? 1 : -1;
    if (which < 0 || given[which] != NULL) {
      PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR),
                   which < 0 ? "manage() got an unexpected keyword argument '%s'"
                             : "manage() got multiple values for argument '%s'",
                   name);
      return -1;
    }
    given[which] = arguments[count + i];
  }
  int wanted[2] = {0, 0};
  for (int which = 0; which < 2; which++) {
    if (given[which] == NULL || mmpy_is_none(given[which])) continue;
    wanted[which] = PyObject_IsTrue(given[which]);
    if (wanted[which] < 0) return -1;
  }
  *interest = (wanted[0] ? MMPY_READ : 0) | (wanted[1] ? MMPY_WRITE : 0);
  if (*interest != 0 || given[0] == NULL || mmpy_is_none(given[0])) return 0;
  PyErr_SetString(mmpy_exception_type(MMPY_VALUE_ERROR), "manage() needs read or write to be true");
  return -1;
}
