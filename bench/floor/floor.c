/*
 * The two halves of what any router must pay that calls one Python handler for an event, and lets it call one C function:
 * a C loop that calls a Python function with a fresh float, and a C function to be called from a Python loop. Loaded with
 * ctypes by floor.py; declares what it uses of CPython itself, so that it needs no headers.
 */
#include <stddef.h>
#include <time.h>

typedef struct _object PyObject;
typedef struct {
  const char *name;
  PyObject *(*function)(PyObject *, PyObject *const *, long);
  int flags;
  const char *documentation;
} PyMethodDef;

extern PyObject *PyCFunction_NewEx(PyMethodDef *, PyObject *, PyObject *);
extern PyObject *PyFloat_FromDouble(double);
extern double PyFloat_AsDouble(PyObject *);
extern PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *);
extern PyObject *PyErr_Occurred(void);
extern PyObject *Py_BuildValue(const char *, ...);
extern void Py_DecRef(PyObject *);

/* A function of (str, float) that does nothing with them. */
static PyObject *empty(PyObject *self, PyObject *const *arguments, long count) {
  (void)self;
  if (count != 2 || (PyFloat_AsDouble(arguments[1]) == -1.0 && PyErr_Occurred() != NULL)) return NULL;
  return Py_BuildValue("");
}

PyObject *make_empty(void) {
  static PyMethodDef definition = {"empty", empty, 0x0080 /* METH_FASTCALL */, NULL};
  return PyCFunction_NewEx(&definition, NULL, NULL);
}

/* Seconds for `count` calls of function(float). */
double call(PyObject *function, long count) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long i = 0; i < count; i++) {
    PyObject *const argument = PyFloat_FromDouble((double)i);
    PyObject *const result = PyObject_Vectorcall(function, &argument, 1, NULL);
    Py_DecRef(argument);
    if (result == NULL) return -1.0;
    Py_DecRef(result);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
}
