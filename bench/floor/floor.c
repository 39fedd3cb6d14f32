/*
 * The minimum cost of an event for any router that calls one Python handler per event, which calls one C function: a C loop
 * that calls a Python function with a new float, and a C function to be called from a Python loop. Also the cost of switching
 * interpreters. Loaded by floor.py with ctypes into the measured process; declares the parts of CPython that it uses, so that
 * it needs no headers.
 */
#include <stddef.h>
#include <time.h>

typedef struct _object PyObject;
typedef struct _ts PyThreadState;
typedef struct _is PyInterpreterState;
typedef struct {
  const char *name;
  PyObject *(*function)(PyObject *, PyObject *const *, long);
  int flags;
  const char *documentation;
} PyMethodDef;

extern PyObject *PyCFunction_NewEx(PyMethodDef *, PyObject *, PyObject *);
extern PyObject *PyFloat_FromDouble(double);
extern PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *);
extern PyObject *Py_BuildValue(const char *, ...);
extern void Py_IncRef(PyObject *);
extern void Py_DecRef(PyObject *);
extern PyInterpreterState *PyInterpreterState_Get(void);
extern PyThreadState *PyThreadState_New(PyInterpreterState *);
extern PyThreadState *PyThreadState_Swap(PyThreadState *);
extern void PyThreadState_Clear(PyThreadState *);
extern void PyThreadState_Delete(PyThreadState *);

static PyObject *none;

/* A function of (str, float) that ignores them. */
static PyObject *empty(PyObject *self, PyObject *const *arguments, long count) {
  (void)self;
  (void)arguments;
  (void)count;
  Py_IncRef(none);
  return none;
}

PyObject *make_empty(void) {
  static PyMethodDef definition = {"empty", empty, 0x0080 /* METH_FASTCALL */, NULL};
  none = Py_BuildValue("");
  return PyCFunction_NewEx(&definition, NULL, NULL);
}

static double seconds_since(const struct timespec *begin) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - begin->tv_sec) + (double)(end.tv_nsec - begin->tv_nsec) * 1e-9;
}

/* Seconds for `count` calls of function(float). */
double call(PyObject *function, long count) {
  struct timespec begin;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long i = 0; i < count; i++) {
    PyObject *const argument = PyFloat_FromDouble((double)i);
    PyObject *const result = PyObject_Vectorcall(function, &argument, 1, NULL);
    Py_DecRef(argument);
    if (result == NULL) return -1.0;
    Py_DecRef(result);
  }
  return seconds_since(&begin);
}

/* Seconds for `count` switches between two thread states; `count` is even. */
double change(long count) {
  struct timespec begin;
  PyThreadState *const other = PyThreadState_New(PyInterpreterState_Get());
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long i = 0; i < count; i += 2) PyThreadState_Swap(PyThreadState_Swap(other));
  const double seconds = seconds_since(&begin);
  PyThreadState_Clear(other);
  PyThreadState_Delete(other);
  return seconds;
}
