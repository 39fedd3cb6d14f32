#include "python/module.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/forked.h"
#include "python/interest.h"
#include "python/module_batch.h"
#include "python/module_timing.h"

/* State shared by all interpreters: immortal for our purposes, since the runtime is never finalised. */

static PyObject *none;
/*
 * References to None that are ours to give away. What handlers return pays for what output() returns, and that saves
 * two calls into libpython an event. From 3.12 on None's references are not counted: then there is no end of them.
 */
static size_t spare_nones;
static size_t max_spare_nones = 1024;
static PyObject *exceptions[MMPY_ATTRIBUTE_ERROR + 1];

mmpy_running mmpy_now_running;

static int is_older_than_3_12(void) {
  const char *version = Py_GetVersion();
  return version[0] == '3' && version[1] == '.' && atoi(version + 2) < 12;
}

void mmpy_module_bind(void) {
  static const char *const names[] = {"TypeError",   "ValueError", "OSError",       "RuntimeError",
                                      "MemoryError", "SystemExit", "AttributeError"};
  PyObject *builtins = PyEval_GetBuiltins();
  none = Py_BuildValue("");
  if (!is_older_than_3_12()) {
    spare_nones = SIZE_MAX / 2;
    max_spare_nones = SIZE_MAX;
  }
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    exceptions[i] = PyDict_GetItemString(builtins, names[i]);
    Py_IncRef(exceptions[i]);
  }
}

PyObject *mmpy_none(void) {
  if (spare_nones > 0) {
    spare_nones--;
  } else {
    Py_IncRef(none);
  }
  return none;
}

int mmpy_drop_none(PyObject *result) {
  if (result == none && spare_nones < max_spare_nones) {
    spare_nones++;
    return 1;
  }
  if (mmpy_forked) mmpy_end_forked(1);
  if (result != none) return 0;
  Py_DecRef(result);
  return 1;
}

void mmpy_begin_forked(void) {
  const mmpy_running none_runs = {NULL, NULL};
  mmpy_now_running = none_runs;
  max_spare_nones = 0;
}

int mmpy_is_none(PyObject *object) { return object == none; }

PyObject *mmpy_exception_type(mmpy_exception which) { return exceptions[which]; }

void mmpy_raise_stopped(int on_loop_thread) {
  PyErr_SetString(exceptions[on_loop_thread ? MMPY_RUNTIME_ERROR : MMPY_SYSTEM_EXIT],
                  "this midimonster instance has been stopped");
}

/* Helpers */

mmpy_instance *mmpy_instance_of(PyObject *capsule) {
  if (capsule == mmpy_now_running.capsule) return mmpy_now_running.instance;
  if (mmpy_forked) {
    PyErr_SetString(exceptions[MMPY_RUNTIME_ERROR],
                    "midimonster's functions can't be used in a forked process; "
                    "send the values to the instance, for example through a pipe, and output them there");
    return NULL;
  }
  const mmpy_link *link = PyCapsule_GetPointer(capsule, NULL);
  if (link == NULL) return NULL;
  if (link->instance == NULL) mmpy_raise_stopped(pthread_equal(pthread_self(), link->loop_thread));
  return link->instance;
}

static int check_count(const char *function, Py_ssize_t count, Py_ssize_t expected) {
  if (count == expected) return 0;
  PyErr_Format(exceptions[MMPY_TYPE_ERROR], "%s() takes exactly %zd argument%s (%zd given)", function, expected,
               expected == 1 ? "" : "s", count);
  return -1;
}

static PyObject *none_or_error(int result) { return result == 0 ? mmpy_none() : NULL; }

/* The functions */

/* The value is not in 0..1, or converting it has failed. */
static PyObject *output_outside(PyObject *self, PyObject *name, double value) {
  if (value == -1.0 && PyErr_Occurred() != NULL) return NULL;
  if (isnan(value)) {
    PyErr_SetString(exceptions[MMPY_VALUE_ERROR], "output() value must be a number from 0.0 to 1.0, not NaN");
    return NULL;
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  if (instance == NULL || mmpy_instance_output(instance, name, value < 0.0 ? 0.0 : 1.0) != 0) return NULL;
  /* Finding the channel may have run user code, which may have stopped the instance. */
  instance = mmpy_instance_of(self);
  if (instance == NULL) return NULL;
  mmpy_instance_note_clamped(instance, name, value);
  return mmpy_none();
}

static PyObject *module_output(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
  if (count != 2) {
    check_count("output", count, 2);
    return NULL;
  }
  /* Conversion first: __float__ is user code and may do anything, even stop this instance. */
  double value = PyFloat_AsDouble(arguments[1]);
  if (!(value >= 0.0 && value <= 1.0)) return output_outside(self, arguments[0], value);
  mmpy_instance *instance = mmpy_instance_of(self);
  if (instance == NULL) return NULL;
  return none_or_error(mmpy_instance_output(instance, arguments[0], value));
}

static PyObject *module_inputvalue(PyObject *self, PyObject *name) {
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_input_value(instance, name);
}

static PyObject *module_outputvalue(PyObject *self, PyObject *name) {
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_output_value(instance, name);
}

static PyObject *module_current(PyObject *self, PyObject *unused) {
  (void)unused;
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_current(instance);
}

static PyObject *module_timestamp(PyObject *self, PyObject *unused) {
  (void)unused;
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : PyLong_FromUnsignedLongLong(mmpy_instance_timestamp(instance));
}

static PyObject *module_manage(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names) {
  if (count < 2 || count > 4) {
    PyErr_Format(exceptions[MMPY_TYPE_ERROR], "manage() takes 2 to 4 arguments (%zd given)", count);
    return NULL;
  }
  unsigned interest = 0;
  if (mmpy_read_interest(arguments, count, names, &interest) != 0) return NULL;
  PyObject *function = arguments[0];
  if (function != none && !PyCallable_Check(function)) {
    PyErr_SetString(exceptions[MMPY_TYPE_ERROR], "manage() requires a callable or None as its first argument");
    return NULL;
  }
  if (arguments[1] == none) {
    PyErr_SetString(exceptions[MMPY_TYPE_ERROR], "manage() requires a socket-like object as its second argument");
    return NULL;
  }
  if (function == none) {
    /* Finalizers of programs' objects do that, also after the stop, when nothing is managed any more. */
    const mmpy_link *link = PyCapsule_GetPointer(self, NULL);
    if (link == NULL) return NULL;
    if (link->instance == NULL) return mmpy_none();
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  if (instance == NULL) return NULL;
  return none_or_error(
      function == none
          ? mmpy_instance_unmanage(instance, arguments[1], interest == 0 ? MMPY_READ | MMPY_WRITE : interest)
          : mmpy_instance_manage(instance, function, arguments[1], interest == 0 ? MMPY_READ : interest));
}

static PyObject *module_channels(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
  if (count > 1) {
    PyErr_Format(exceptions[MMPY_TYPE_ERROR], "channels() takes at most 1 argument (%zd given)", count);
    return NULL;
  }
  mmpy_direction direction = MMPY_BOTH;
  if (count == 1 && arguments[0] != none) {
    const char *text = PyUnicode_AsUTF8AndSize(arguments[0], NULL);
    if (text == NULL) {
      if (PyErr_ExceptionMatches(exceptions[MMPY_TYPE_ERROR]) == 0) return NULL;
      PyErr_Clear();
    }
    direction = text == NULL                  ? MMPY_BOTH
                : strcmp(text, "input") == 0  ? MMPY_INPUT
                : strcmp(text, "output") == 0 ? MMPY_OUTPUT
                                              : MMPY_BOTH;
    if (direction == MMPY_BOTH) {
      PyErr_Format(exceptions[text == NULL ? MMPY_TYPE_ERROR : MMPY_VALUE_ERROR],
                   "channels() takes 'input' or 'output', not %.200R", arguments[0]);
      return NULL;
    }
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_channels(instance, direction);
}

static PyObject *module_cleanup_handler(PyObject *self, PyObject *function) {
  if (function != none && !PyCallable_Check(function)) {
    PyErr_SetString(exceptions[MMPY_TYPE_ERROR], "cleanup_handler() requires a callable or None");
    return NULL;
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_cleanup_handler(instance, function);
}

static PyObject *module_task(PyObject *self, PyObject *coroutine) {
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_task(instance, coroutine);
}

static PyObject *module_previous(PyObject *self, PyObject *unused) {
  (void)unused;
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_previous(instance);
}

static PyObject *module_checking(PyObject *self, PyObject *unused) {
  (void)unused;
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : PyBool_FromLong(mmpy_instance_checking(instance));
}

/* Documentation: python/midimonster.pyi carries the same texts, and a test compares them. */

static const char module_doc[] =
    "Talk to the MIDIMonster core that runs this module.\n\n"
    "Channel values are floats from 0.0 to 1.0. A function of a module that the configuration maps to, like\n"
    "'my_handlers.on_fader', is called with the value of every event. Handlers run one at a time; while one runs,\n"
    "nothing else does, so return quickly and use interval() and manage() to wait.";

static const char output_doc[] =
    "output(name, value, /)\n--\n\n"
    "Output a value on a channel of this instance.\n\n"
    "The event is queued and delivered to the mapped channels after the caller returns, in order.\n"
    "While modules load, the channel is created and its last value is sent once at start.\n\n"
    "name: the channel, without the instance. An unknown one is ignored with one warning.\n"
    "value: int, float or anything with __float__, clamped to 0.0..1.0, with a warning once a channel.\n"
    "Raises ValueError for NaN, TypeError for other types, OverflowError for an int too large for a float.";

static const char inputvalue_doc[] =
    "inputvalue(name, /)\n--\n\n"
    "Return the last value that arrived at a channel of this instance.\n\n"
    "0.0 before the first event; None for a channel that does not exist. Inside the channel's own\n"
    "handler this is still the previous value; the new one is the handler's argument.";

static const char outputvalue_doc[] =
    "outputvalue(name, /)\n--\n\n"
    "Return the last value that was output on a channel of this instance.\n\n"
    "0.0 before the first output(); None for a channel that does not exist.";

static const char current_doc[] =
    "current()\n--\n\n"
    "Return the name of the channel whose handler is running.\n\n"
    "None when no channel's handler runs, as in interval, socket and cleanup functions.";

static const char timestamp_doc[] =
    "timestamp()\n--\n\n"
    "Return the core's time in milliseconds.\n\n"
    "Monotonic, with no relation to the time of day. It is the time at which this iteration of the\n"
    "core began: everything handled in one iteration sees the same time.";

static const char manage_doc[] =
    "manage(function, socket, /, read=None, write=False)\n--\n\n"
    "Call function(socket) whenever the socket has data to read, or stop doing so.\n\n"
    "A socket has one handler: registering it again replaces the handler. Unregister a socket before\n"
    "closing it.\n\n"
    "function: a callable, or None to unregister.\n"
    "write: whether to call it whenever the socket can be written to instead. A socket has one handler for\n"
    "each. With None, only that one is unregistered, without write and read both.\n"
    "read: by default what write is not. With both, the function is called for either.\n"
    "socket: anything with fileno(): sockets, pipes, terminals, timerfd, eventfd, inotify.\n"
    "Raises OSError for a descriptor that can't be waited for, such as a regular file's, ValueError for a\n"
    "closed socket, TypeError for an object without fileno(), and RuntimeError if called from a\n"
    "threading.Thread instead of the core's thread.";

static const char channels_doc[] =
    "channels(direction=None, /)\n--\n\n"
    "Return the names of this instance's channels, in order of creation.\n\n"
    "Complete once all modules have loaded and the mappings have been read; see started().\n\n"
    "direction: 'input' for those that the configuration maps something to, 'output' for those that it maps to\n"
    "something, None for all. Empty for a direction while modules load. Raises ValueError for anything else.\n"
    "MIDIMonster itself has no direction.";

static const char cleanup_handler_doc[] =
    "cleanup_handler(function, /)\n--\n\n"
    "Register a function to call once at shutdown, before this interpreter ends.\n\n"
    "function: a callable without parameters, or None to remove the registered one.\n"
    "Returns the function it replaces, or None. Events it outputs are no longer routed.";

static const char previous_doc[] =
    "previous()\n--\n\n"
    "Return the version of the calling module that this one replaces, or None.\n\n"
    "When a module is reloaded, its old version still exists while the new one's top level runs, so state\n"
    "can be taken over: sockets, values, threads. None at the first load, and once the module has loaded.\n"
    "MIDIMonster itself has no previous(); use hasattr(midimonster, 'previous') to check.";

static const char checking_doc[] =
    "checking()\n--\n\n"
    "Return whether the configuration is only being checked, by `mmpy check`.\n\n"
    "Modules are then loaded, but nothing runs: no interval, no handler, no socket function. A module that\n"
    "opens ports or devices while it loads should not do so then; a running show may have them.\n"
    "MIDIMonster itself has no checking(); use hasattr(midimonster, 'checking') to check.";

static const char task_doc[] =
    "task(coroutine, /)\n--\n\n"
    "Run a coroutine as an asyncio task of this instance, beside everything else.\n\n"
    "Called while the module loads or from any function; the task begins once the router runs and the caller\n"
    "has returned. It is kept until it ends, an exception is logged, and it is cancelled when its module is\n"
    "reloaded, when its instance is removed and when the router stops.\n"
    "MIDIMonster itself has no task(); use hasattr(midimonster, 'task') to check.\n\n"
    "coroutine: what a call of an async function returns. Or a task of a previous version of the module, which\n"
    "then goes on when the module is reloaded.\n"
    "Returns the asyncio.Task. Raises TypeError for anything else, and RuntimeError if called from a\n"
    "threading.Thread or when the instance ends.";

static PyMethodDef methods[] = {
    {"output", (PyCFunction)(void (*)(void))module_output, METH_FASTCALL, output_doc},
    {"inputvalue", module_inputvalue, METH_O, inputvalue_doc},
    {"outputvalue", module_outputvalue, METH_O, outputvalue_doc},
    {"current", module_current, METH_NOARGS, current_doc},
    {"timestamp", module_timestamp, METH_NOARGS, timestamp_doc},
    {"interval", (PyCFunction)(void (*)(void))mmpy_interval, METH_FASTCALL | METH_KEYWORDS, mmpy_interval_doc},
    {"after", (PyCFunction)(void (*)(void))mmpy_after, METH_FASTCALL, mmpy_after_doc},
    {"started", mmpy_started, METH_O, mmpy_started_doc},
    {"manage", (PyCFunction)(void (*)(void))module_manage, METH_FASTCALL | METH_KEYWORDS, manage_doc},
    {"channels", (PyCFunction)(void (*)(void))module_channels, METH_FASTCALL, channels_doc},
    {"cleanup_handler", module_cleanup_handler, METH_O, cleanup_handler_doc},
    {"batch", (PyCFunction)(void (*)(void))mmpy_batch, METH_FASTCALL, mmpy_batch_doc},
    {"previous", module_previous, METH_NOARGS, previous_doc},
    {"checking", module_checking, METH_NOARGS, checking_doc},
    {"task", module_task, METH_O, task_doc},
};

/* Init. Not PyModule_Create: a PyModuleDef's layout holds an object header, whose size differs between builds. */

PyObject *mmpy_module_new(PyObject *capsule) {
  PyObject *module = PyModule_New("midimonster");
  PyObject *name = PyUnicode_FromString("midimonster");
  if (module == NULL || name == NULL || PyModule_SetDocString(module, module_doc) != 0) goto fail;
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
    PyObject *function = PyCFunction_NewEx(&methods[i], capsule, name);
    if (function == NULL) goto fail;
    if (PyModule_AddObject(module, methods[i].ml_name, function) != 0) {
      Py_DecRef(function);
      goto fail;
    }
  }
  Py_DecRef(name);
  return module;

fail:
  if (name != NULL) Py_DecRef(name);
  if (module != NULL) Py_DecRef(module);
  return NULL;
}
