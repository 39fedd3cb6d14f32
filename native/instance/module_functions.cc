// Called by module.c: the module's functions, forwarded to the instance that they belong to.
#include "instance/python_instance.h"
#include "io/guard.h"

namespace {

mmpy::PythonInstance &Self(mmpy_instance *instance) { return *static_cast<mmpy::PythonInstance *>(instance); }

// Turns a C++ exception into a Python exception; `failed` is the value returned then.
template <typename Result, typename Work>
Result OrException(Result failed, Work work) noexcept {
  Result result = failed;
  mmpy::Guard([&] { result = work(); },
              [](const char *what) { PyErr_SetString(mmpy_exception_type(MMPY_MEMORY_ERROR), what); });
  return result;
}

template <typename Work>
PyObject *OrNull(Work work) noexcept {
  return OrException<PyObject *>(nullptr, work);
}

}  // namespace

int mmpy_instance_output(mmpy_instance *instance, PyObject *name, double value) {
  return OrException(-1, [&] { return Self(instance).Output(name, value); });
}
PyObject *mmpy_instance_input_value(mmpy_instance *instance, PyObject *name) {
  return OrNull([&] { return Self(instance).InputValue(name); });
}
PyObject *mmpy_instance_output_value(mmpy_instance *instance, PyObject *name) {
  return OrNull([&] { return Self(instance).OutputValue(name); });
}
PyObject *mmpy_instance_current(mmpy_instance *instance) {
  return OrNull([&] { return Self(instance).Current(); });
}
unsigned long long mmpy_instance_timestamp(mmpy_instance *instance) { return Self(instance).timestamp(); }
void mmpy_instance_note_clamped(mmpy_instance *instance, PyObject *name, double value) {
  OrException(0, [&] { return Self(instance).NoteClamped(name, value), 0; });
  PyErr_Clear();  // the value has been output
}
int mmpy_instance_interval(mmpy_instance *instance, PyObject *function, double ms, mmpy_timing timing) {
  using Timing = mmpy::Intervals::Timing;
  static_assert(int{MMPY_EXACT} == int(Timing::kExact) && int{MMPY_ONCE} == int(Timing::kOnce), "see module.h");
  return OrException(
      -1, [&] { return Self(instance).Registering().intervals().Set(function, ms, static_cast<Timing>(timing)); });
}
int mmpy_instance_started(mmpy_instance *instance, PyObject *function) {
  return OrException(-1, [&] { return Self(instance).Registering().start_functions().Add(function); });
}
int mmpy_instance_manage(mmpy_instance *instance, PyObject *function, PyObject *socket, unsigned interest) {
  static_assert(int{MMPY_READ} == int{mmpy::kReadable} && int{MMPY_WRITE} == int{mmpy::kWritable}, "see module.h");
  return OrException(-1, [&] { return Self(instance).Registering().sockets().Manage(function, socket, interest); });
}
int mmpy_instance_unmanage(mmpy_instance *instance, PyObject *socket, unsigned interest) {
  return OrException(-1, [&] { return Self(instance).sockets().Unmanage(socket, interest); });
}
PyObject *mmpy_instance_channels(mmpy_instance *instance, mmpy_direction direction) {
  return OrNull([&] { return Self(instance).ChannelNames(direction); });
}
PyObject *mmpy_instance_cleanup_handler(mmpy_instance *instance, PyObject *function) {
  return OrNull([&] { return Self(instance).Registering().cleanup().Set(function); });
}
PyObject *mmpy_instance_previous(mmpy_instance *instance) {
  return OrNull([&] { return Self(instance).Previous(); });
}
int mmpy_instance_checking(const mmpy_instance *instance) {
  return static_cast<const mmpy::PythonInstance *>(instance)->checking() ? 1 : 0;
}
PyObject *mmpy_instance_task(mmpy_instance *instance, PyObject *coroutine) {
  return OrNull([&] { return Self(instance).Registering().tasks().Make(coroutine); });
}
PyObject *mmpy_instance_new_batch(mmpy_instance *instance, PyObject *names, PyObject *handler) {
  return OrNull([&] { return Self(instance).Registering().batches().New(names, handler); });
}
PyObject *mmpy_instance_register_batch(mmpy_instance *instance, PyObject *names, PyObject *object, PyObject *handler) {
  return OrNull([&] { return Self(instance).batches().Register(names, object, handler); });
}
int mmpy_instance_output_batch(mmpy_instance *instance, size_t number) {
  return OrException(-1, [&] { return Self(instance).batches().Send(number); });
}
PyObject *mmpy_instance_changed_in_batch(mmpy_instance *instance, size_t number) {
  return OrNull([&] { return Self(instance).batches().Changed(number); });
}
