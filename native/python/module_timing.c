#include "python/module_timing.h"

#include <math.h>
#include <string.h>

#include "python/module.h"

/* Reads a time in ms into `ms`. 0, or -1 with an exception set. */
static int read_ms(PyObject *given, const char *problem, double *ms) {
  static const double max = 1e15; /* about 30,000 years; longer ones are not distinguished */
  *ms = PyFloat_AsDouble(given);
  if (*ms == -1.0 && PyErr_Occurred() != NULL) return -1;
  if (!(*ms >= 0.0) || isinf(*ms)) {
    PyErr_SetString(mmpy_exception_type(MMPY_VALUE_ERROR), problem);
    return -1;
  }
  if (*ms > max) *ms = max;
  return 0;
}

static int check_call(const char *function, PyObject *const *arguments, Py_ssize_t count) {
  if (count != 2) {
    PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR), "%s() takes exactly 2 positional arguments (%zd given)",
                 function, count);
    return -1;
  }
  if (PyCallable_Check(arguments[0])) return 0;
  PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR),
               "%s() requires a callable as its first argument: the name of a function, without parentheses behind it",
               function);
  return -1;
}

/* Reads interval()'s keywords: 1 for exact, 0, or -1 with an exception set. */
static int read_exact(PyObject *const *values, PyObject *names) {
  int exact = 0;
  const Py_ssize_t count = names == NULL ? 0 : PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < count; i++) {
    const char *name = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(names, i), NULL);
    if (name == NULL) return -1;
    if (strcmp(name, "exact") != 0) {
      PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR),
                   "interval() got an unexpected keyword argument '%s'; it takes 'exact'", name);
      return -1;
    }
    exact = PyObject_IsTrue(values[i]);
    if (exact < 0) return -1;
  }
  return exact;
}

static PyObject *set(PyObject *self, PyObject *function, double ms, mmpy_timing timing) {
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL || mmpy_instance_interval(instance, function, ms, timing) != 0 ? NULL : mmpy_none();
}

PyObject *mmpy_interval(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names) {
  double ms = 0;
  if (check_call("interval", arguments, count) != 0) return NULL;
  const int exact = read_exact(arguments + count, names);
  if (exact < 0) return NULL;
  if (read_ms(arguments[1], "interval() period must be 0 (to cancel) or a positive number of milliseconds", &ms) != 0) {
    return NULL;
  }
  return set(self, arguments[0], ms, exact ? MMPY_EXACT : MMPY_ROUNDED);
}

PyObject *mmpy_after(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
  double ms = 0;
  if (check_call("after", arguments, count) != 0) return NULL;
  if (read_ms(arguments[1], "after() time must be 0 (to cancel) or a positive number of milliseconds", &ms) != 0) {
    return NULL;
  }
  return set(self, arguments[0], ms, MMPY_ONCE);
}

PyObject *mmpy_started(PyObject *self, PyObject *function) {
  if (!PyCallable_Check(function)) {
    PyErr_SetString(mmpy_exception_type(MMPY_TYPE_ERROR),
                    "started() requires a callable: the name of a function, without parentheses behind it");
    return NULL;
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL || mmpy_instance_started(instance, function) != 0 ? NULL : mmpy_none();
}

const char mmpy_interval_doc[] =
    "interval(function, milliseconds, /, *, exact=False)\n--\n\n"
    "Call function() periodically, or stop doing so.\n\n"
    "The period is rounded to the nearest 10 ms, at least 10, with a warning if that changes it. Calls keep their\n"
    "phase: the n-th is due at start + n * period, and calls missed while the core was busy are skipped. An equal\n"
    "function (==) that is already registered gets the new period.\n\n"
    "milliseconds: the period; 0 cancels. Raises ValueError if negative, infinite or NaN.\n"
    "exact: whether the period is taken as it is, at least 1 ms, fractions included, as for a MIDI clock or DMX\n"
    "frames. Each call costs more than one that is rounded. MIDIMonster itself has no exact.";

const char mmpy_after_doc[] =
    "after(function, milliseconds, /)\n--\n\n"
    "Call function() once, after a time, or not at all.\n\n"
    "The time counts from this call; while modules load, from the start. An equal function (==) that is still to\n"
    "be called is called after the new time instead. Functions of interval() are independent of those of after().\n"
    "MIDIMonster itself has no after(); use hasattr(midimonster, 'after') to check.\n\n"
    "milliseconds: the time, not rounded, at least 1 ms; 0 cancels. Raises ValueError if negative, infinite or NaN.";

const char mmpy_started_doc[] =
    "started(function, /)\n--\n\n"
    "Call function() once, when everything runs.\n\n"
    "All modules have loaded, channels() is complete, sockets are open, and output is delivered. In a module that is\n"
    "reloaded, it is called when the reload has succeeded; later than that, soon after the caller returns.\n"
    "Functions are called in order of registration, each as often as it was registered.\n"
    "MIDIMonster itself has no started(); use hasattr(midimonster, 'started') to check.\n\n"
    "function: a callable without parameters. Raises TypeError for anything else.";
