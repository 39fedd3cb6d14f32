#include "instance/task_functions.h"

#include <pthread.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include <iterator>
#include <optional>
#include <utility>

#include "instance/python_instance.h"
#include "io/forked.h"
#include "io/guard.h"
#include "python/user_code.h"

namespace mmpy {

namespace {

// The instance that a function below belongs to; NULL with an exception set once it has been stopped, and in a forked
// child.
Tasks *TasksOf(PyObject *capsule) {
  const auto *link = static_cast<const mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr));
  if (link == nullptr) return nullptr;
  if (link->instance == nullptr || InForkedChild()) {
    mmpy_raise_stopped(pthread_equal(pthread_self(), link->loop_thread));
    return nullptr;
  }
  return &static_cast<PythonInstance *>(link->instance)->tasks();
}

// Python-callable, for python/runtime/eventloop.py. User code can find these too, and call them at any time.

PyObject *TakeNext(PyObject *capsule, PyObject *) {
  EndIfForked();
  Tasks *const tasks = TasksOf(capsule);
  return tasks == nullptr ? nullptr : tasks->TakeNext();
}

PyObject *Taken(PyObject *capsule, PyObject *) {
  const Tasks *const tasks = TasksOf(capsule);
  if (tasks == nullptr) PyErr_Clear();  // nothing runs any more
  return PyLong_FromUnsignedLongLong(tasks == nullptr ? 0 : tasks->taken());
}

PyObject *Request(PyObject *capsule, PyObject *) {
  Tasks *const tasks = TasksOf(capsule);
  if (tasks == nullptr) PyErr_Clear();  // nothing runs any more
  if (tasks != nullptr) tasks->Request();
  return mmpy_none();
}

PyObject *Arm(PyObject *capsule, PyObject *time) {
  const double seconds = PyFloat_AsDouble(time);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Tasks *const tasks = TasksOf(capsule);
  if (tasks == nullptr) return nullptr;
  tasks->Arm(seconds);
  return mmpy_none();
}

PyObject *Forget(PyObject *capsule, PyObject *selector) {
  Tasks *const tasks = TasksOf(capsule);
  if (tasks == nullptr) return nullptr;
  tasks->Forget();
  // Its number is another file's: it must never close that.
  if (mmpy_is_none(selector) == 0) {
    PyRef::Borrow(selector).release();
#ifdef __SANITIZE_ADDRESS__
    __lsan_ignore_object(selector);
#endif
  }
  return mmpy_none();
}

PyObject *WatchAgain(PyObject *capsule, PyObject *descriptor) {
  const auto fd = static_cast<int>(PyLong_AsLong(descriptor));
  if (PyErr_Occurred() != nullptr) return nullptr;
  Tasks *const tasks = TasksOf(capsule);
  if (tasks == nullptr || !tasks->WatchAgain(fd)) return nullptr;
  return mmpy_none();
}

PyObject *Ended(PyObject *capsule, PyObject *) {
  Tasks *const tasks = TasksOf(capsule);
  if (tasks == nullptr) return nullptr;
  Guard([&] { tasks->Ended(); }, [](const char *) {});  // then it is no longer waited for after some time
  return mmpy_none();
}

// report((role, subject, value, exception)): the value of a handler's event, or None.
PyObject *ReportRaised(PyObject *capsule, PyObject *arguments) {
  const auto *link = static_cast<const mmpy_link *>(PyCapsule_GetPointer(capsule, nullptr));
  if (link == nullptr) return nullptr;
  PyObject *items[4];
  for (size_t i = 0; i < std::size(items); ++i) {
    items[i] = PyTuple_GetItem(arguments, static_cast<Py_ssize_t>(i));
    if (items[i] == nullptr) return nullptr;
  }
  const auto report = [&] {
    std::optional<double> value;
    if (mmpy_is_none(items[2]) == 0) value = PyFloat_AsDouble(items[2]);
    PyErr_Clear();
    Report raised = {Report::Kind::kException, {}, ToText(items[0]), ToText(items[1]), "", value,
                     ToException(items[3])};
    auto *const instance = InForkedChild() ? nullptr : static_cast<PythonInstance *>(link->reporter);
    if (instance != nullptr) instance->Tell(std::move(raised));
  };
  Guard(report, [](const char *) {});
  return mmpy_none();
}

PyMethodDef functions[] = {
    {"take_next", TakeNext, METH_NOARGS, nullptr}, {"taken", Taken, METH_NOARGS, nullptr},
    {"request", Request, METH_NOARGS, nullptr},    {"arm", Arm, METH_O, nullptr},
    {"forget", Forget, METH_O, nullptr},           {"watch", WatchAgain, METH_O, nullptr},
    {"ended", Ended, METH_NOARGS, nullptr},        {"report", ReportRaised, METH_O, nullptr},
};

}  // namespace

PyRef TaskFunctions(PyObject *capsule) {
  PyRef all = PyRef::Steal(PyDict_New());
  for (PyMethodDef &function : functions) {
    const PyRef object = PyRef::Steal(PyCFunction_NewEx(&function, capsule, nullptr));
    if (!all || !object || PyDict_SetItemString(all.get(), function.ml_name, object.get()) != 0) return {};
  }
  return all;
}

}  // namespace mmpy
