/*
 * The `midimonster` module that user code imports: module.c has the functions' arguments, errors and documentation; the
 * instance implements them (python_instance.cc, through the mmpy_instance_* functions).
 *
 * Everything here is called with the GIL held and a thread state of the instance's interpreter current, on the loop's
 * thread or on a Python thread of the instance.
 */
#ifndef MMPY_MODULE_H
#define MMPY_MODULE_H

#include <pthread.h>

#include "python/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A python instance; defined in python_instance.h. */
typedef struct mmpy_instance mmpy_instance;

/*
 * Links a module object to its instance. The module's functions hold it through a capsule and may outlive the instance
 * (a thread that did not end keeps its interpreter), so the instance clears `instance` when it stops. `reporter` is the
 * same instance but stays longer: finalizers that run while the interpreter ends may raise exceptions too.
 */
typedef struct mmpy_link {
  mmpy_instance *instance;
  mmpy_instance *reporter;
  pthread_t loop_thread;
} mmpy_link;

/*
 * The instance whose handlers the loop's thread calls, and its capsule: its functions, called by those handlers, find
 * it with one comparison instead of three calls. Written with the GIL held; cleared before that instance stops.
 */
typedef struct mmpy_running {
  PyObject *capsule;
  mmpy_instance *instance;
} mmpy_running;
extern mmpy_running mmpy_now_running;

/* Caches None and the exception types; once, after Py_InitializeEx, with the GIL held. They are the same objects in
 * every interpreter. */
void mmpy_module_bind(void);

/*
 * Creates a `midimonster` module for the current interpreter, linked to the instance by `capsule`, which holds an
 * mmpy_link. Returns a new reference, or NULL with an exception set.
 */
PyObject *mmpy_module_new(PyObject *capsule);

/*
 * The native functions for python/runtime/batch.py, linked to the instance likewise: a tuple of register(names, object,
 * handler), output(number) and changed(number). Returns a new reference, or NULL with an exception set.
 */
PyObject *mmpy_batch_functions(PyObject *capsule);

/* New reference to None. */
PyObject *mmpy_none(void);
int mmpy_is_none(PyObject *object);

/* Releases what a handler has returned if it is None, as usual; returns 0 for anything else, which stays the caller's.
 * In a forked child it ends the process instead, see mmpy_begin_forked(). */
int mmpy_drop_none(PyObject *result);

/*
 * To be called in a forked child, where nothing may be called: from now on the module's functions take the slow
 * way, on which they are refused, and mmpy_drop_none() the one on which it ends the process. So the fast ways, which
 * every event takes, need not look whether this is a child.
 */
void mmpy_begin_forked(void);

/* The instance of a module's functions, by their capsule. NULL with an exception set once it has been stopped. */
mmpy_instance *mmpy_instance_of(PyObject *capsule);

/* Sets the exception of an instance that has been stopped: a RuntimeError, but SystemExit on Python threads, which ends
 * them without a traceback at an ordinary shutdown. */
void mmpy_raise_stopped(int on_loop_thread);

/* Borrowed references to exception types. */
typedef enum {
  MMPY_TYPE_ERROR,
  MMPY_VALUE_ERROR,
  MMPY_OS_ERROR,
  MMPY_RUNTIME_ERROR,
  MMPY_MEMORY_ERROR,
  MMPY_SYSTEM_EXIT,
  MMPY_ATTRIBUTE_ERROR
} mmpy_exception;
PyObject *mmpy_exception_type(mmpy_exception which);

/* What manage() waits for; the bits of Interest in native/io/readiness_set.h. */
enum { MMPY_READ = 1, MMPY_WRITE = 2 };

/* Which channels: all, or those that are mapped in one direction. */
typedef enum { MMPY_BOTH, MMPY_INPUT, MMPY_OUTPUT } mmpy_direction;

/* How a function is called: the values of Intervals::Timing. */
typedef enum { MMPY_ROUNDED, MMPY_EXACT, MMPY_ONCE } mmpy_timing;

/* The instance's side. int results are 0, or -1 with an exception set; pointers are new references, or NULL likewise.
 */
int mmpy_instance_output(mmpy_instance *instance, PyObject *name, double value);
PyObject *mmpy_instance_input_value(mmpy_instance *instance, PyObject *name);
PyObject *mmpy_instance_output_value(mmpy_instance *instance, PyObject *name);
PyObject *mmpy_instance_current(mmpy_instance *instance);
unsigned long long mmpy_instance_timestamp(mmpy_instance *instance);
void mmpy_instance_note_clamped(mmpy_instance *instance, PyObject *name, double value);
int mmpy_instance_interval(mmpy_instance *instance, PyObject *function, double ms, mmpy_timing timing);
int mmpy_instance_started(mmpy_instance *instance, PyObject *function);
int mmpy_instance_manage(mmpy_instance *instance, PyObject *function, PyObject *socket, unsigned interest);
int mmpy_instance_unmanage(mmpy_instance *instance, PyObject *socket, unsigned interest);
PyObject *mmpy_instance_channels(mmpy_instance *instance, mmpy_direction direction);
PyObject *mmpy_instance_new_batch(mmpy_instance *instance, PyObject *names, PyObject *handler);
PyObject *mmpy_instance_register_batch(mmpy_instance *instance, PyObject *names, PyObject *object, PyObject *handler);
int mmpy_instance_output_batch(mmpy_instance *instance, size_t number);
PyObject *mmpy_instance_changed_in_batch(mmpy_instance *instance, size_t number);
PyObject *mmpy_instance_previous(mmpy_instance *instance);
int mmpy_instance_checking(const mmpy_instance *instance);
PyObject *mmpy_instance_task(mmpy_instance *instance, PyObject *coroutine);
PyObject *mmpy_instance_cleanup_handler(mmpy_instance *instance, PyObject *function);

#ifdef __cplusplus
}
#endif

#endif
