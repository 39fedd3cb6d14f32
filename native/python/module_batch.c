#include "python/module_batch.h"

#include "python/module.h"

PyObject *mmpy_batch(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
  if (count != 1 && count != 2) {
    PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR), "batch() takes 1 or 2 arguments (%zd given)", count);
    return NULL;
  }
  if (count == 2 && !mmpy_is_none(arguments[1]) && !PyCallable_Check(arguments[1])) {
    PyErr_SetString(mmpy_exception_type(MMPY_TYPE_ERROR), "batch() requires a callable or None as its second argument");
    return NULL;
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  if (instance == NULL) return NULL;
  if (count == 2) return mmpy_instance_new_batch(instance, arguments[0], arguments[1]);
  PyObject *no_handler = mmpy_none();
  PyObject *batch = mmpy_instance_new_batch(instance, arguments[0], no_handler);
  Py_DecRef(no_handler);
  return batch;
}

const char mmpy_batch_doc[] =
    "batch(names, handler=None, /)\n--\n\n"
    "Create a Batch: channels that are handled and output together, with one call for all.\n\n"
    "While modules load, channels that do not exist are created. A channel may be in several batches.\n"
    "MIDIMonster itself has no batch(); use hasattr(midimonster, 'batch') to check.\n\n"
    "names: a list of channels, without the instance and without dots.\n"
    "handler: called as handler(batch) once for every round of events in which any of the channels got one.\n"
    "The channels then need no handlers of their own, and do not get the default handler.\n"
    "Raises ValueError for an empty list, a name given twice and, once modules have loaded, a channel that\n"
    "does not exist; TypeError for names that are not str.";

/* For python/runtime/batch.py. User code can find these functions too, and pass anything. */

static PyObject *batch_register(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
  if (count != 3) {
    PyErr_Format(mmpy_exception_type(MMPY_TYPE_ERROR), "register() takes exactly 3 arguments (%zd given)", count);
    return NULL;
  }
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_register_batch(instance, arguments[0], arguments[1], arguments[2]);
}

/* Conversion first, as in output(): __index__ is user code too. */

static PyObject *batch_output(PyObject *self, PyObject *number) {
  const unsigned long converted = PyLong_AsUnsignedLongMask(number);
  if (PyErr_Occurred() != NULL) return NULL;
  mmpy_instance *instance = mmpy_instance_of(self);
  if (instance == NULL || mmpy_instance_output_batch(instance, converted) != 0) return NULL;
  return mmpy_none();
}

static PyObject *batch_changed(PyObject *self, PyObject *number) {
  const unsigned long converted = PyLong_AsUnsignedLongMask(number);
  if (PyErr_Occurred() != NULL) return NULL;
  mmpy_instance *instance = mmpy_instance_of(self);
  return instance == NULL ? NULL : mmpy_instance_changed_in_batch(instance, converted);
}

static PyMethodDef batch_methods[] = {
    {"register", (PyCFunction)(void (*)(void))batch_register, METH_FASTCALL, NULL},
    {"output", batch_output, METH_O, NULL},
    {"changed", batch_changed, METH_O, NULL},
};

PyObject *mmpy_batch_functions(PyObject *capsule) {
  enum { COUNT = sizeof(batch_methods) / sizeof(batch_methods[0]) };
  PyObject *functions[COUNT] = {NULL};
  PyObject *tuple = NULL;
  for (size_t i = 0; i < COUNT; i++) {
    functions[i] = PyCFunction_NewEx(&batch_methods[i], capsule, NULL);
    if (functions[i] == NULL) goto done;
  }
  tuple = Py_BuildValue("OOO", functions[0], functions[1], functions[2]);
done:
  for (size_t i = 0; i < COUNT; i++) {
    if (functions[i] != NULL) Py_DecRef(functions[i]);
  }
  return tuple;
}
