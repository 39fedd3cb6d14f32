#include "instance/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "instance/python_instance.h"
#include "instance/task_functions.h"
#include "io/forked.h"
#include "io/guard.h"
#include "io/steady_ms.h"
#include "python/user_code.h"

namespace mmpy {

bool Tasks::Load() {
  if (step_) return true;
  if (home_.RefuseIfStopped()) return false;
  const PyRef given = TaskFunctions(home_.capsule.get());
  const PyRef loaded = given ? home_.interpreter.CallHelper("load_tasks", {given.get()}) : PyRef();
  if (!loaded || home_.RefuseIfStopped()) return false;
  // Importing asyncio runs code, which may have come here itself.
  return step_ || TakeFunctions(loaded.get());
}

// The result of load() in python/runtime/tasks.py. False with an exception set if that fails.
bool Tasks::TakeFunctions(PyObject *loaded) {
  PyRef *const parts[] = {&start_, &make_, &channel_, &next_, &pause_, &step_};
  PyRef found[std::size(parts)];
  for (size_t i = 0; i < std::size(parts); ++i) {
    found[i] = PyRef::Borrow(PyTuple_GetItem(loaded, static_cast<Py_ssize_t>(i)));
    if (!found[i]) return false;
  }
  PyObject *const selector = PyTuple_GetItem(loaded, std::size(parts));
  if (selector == nullptr) return false;
  const auto fd = static_cast<int>(PyLong_AsLong(selector));
  if (PyErr_Occurred() != nullptr) return false;
  if (!KeepOrRaise(fd)) return false;
  for (size_t i = 0; i < std::size(parts); ++i) parts[i]->Swap(found[i]);
  if (cleans_up_) BeforeCleanup();
  return true;
}

// Copies the selector's descriptor; watches it if the instance runs. Returns 0 or a libuv error, with nothing kept.
int Tasks::KeepDescriptor(int selector) {
  fd_ = fcntl(selector, F_DUPFD_CLOEXEC, selector);
  if (fd_ < 0) return -errno;
  int status = UV_ENOMEM;
  Guard(
      [&] {
        CloseInForkedChildren(fd_);
        status = begun_ ? Watch() : 0;
      },
      [](const char *) {});
  if (status != 0) CloseDescriptor();
  return status;
}

// False with an exception set if that fails.
bool Tasks::KeepOrRaise(int selector) {
  const int error = -KeepDescriptor(selector);
  if (error == 0) return true;
  const PyRef arguments = PyRef::Steal(Py_BuildValue("(is)", error, strerror(error)));
  if (arguments) PyErr_SetObject(mmpy_exception_type(MMPY_OS_ERROR), arguments.get());
  return false;
}

void Tasks::Forget() {
  if (!home_.core.OnLoopThread()) return;  // user code has found it
  poll_.Close();
  CloseDescriptor();
}

bool Tasks::WatchAgain(int selector) {
  if (!home_.core.OnLoopThread()) return true;
  Forget();
  if (!KeepOrRaise(selector)) return false;
  home_.core.Tell([&] { return Report{Report::Kind::kWatchRestored, home_.id, "task", "", "", {}}; });
  return true;
}

// Returns 0 or a libuv error, which is a negative errno; nothing is open then, as it is tried again for the next task.
int Tasks::Watch() noexcept {
  uv_loop_t *const loop = home_.core.loop();
  int status = UV_ENOMEM;
  const auto open = [&] {
    status = poll_.Open(home_.core.handles(), this, [&](uv_poll_t *handle) { return uv_poll_init(loop, handle, fd_); });
    if (status != 0) return;
    status = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t *handle, int, int) {
      auto *const tasks = static_cast<Tasks *>(handle->data);
      if (tasks != nullptr) tasks->OnReady();
    });
  };
  Guard(open, [&](const char *) { status = UV_ENOMEM; });
  if (status == 0) return 0;
  poll_.Close();
  return status;
}

void Tasks::OnReady() {
  home_.core.Guarded([&] {
    const Core::Entry entry(home_.core);
    wants_step_ = true;
    by_time_ = false;
    home_.core.WantSteps();
  });
}

void Tasks::Begin() {
  if (std::exchange(begun_, true) || !step_) return;
  const int status = Watch();
  if (status < 0) {
    home_.Tell([&] { return Report{Report::Kind::kWatchFailed, home_.id, "task", "", uv_strerror(status), {}}; });
  }
  Request();
}

void Tasks::Request() {
  wants_step_ = true;
  by_time_ = false;
  if (!begun_) return;
  home_.core.WantSteps();
  home_.WakeCore();
}

void Tasks::Arm(double time_s) {
  constexpr double kFarS = 1e9;  // decades: later than that comes to nothing else
  if (!poll_ || !(time_s < kFarS)) return;
  const auto time_ns = static_cast<uint64_t>(time_s > 0 ? time_s * 1e9 : 0);
  if (time_ns >= due_ns_) return;  // it is woken before, and arms it again then
  due_ns_ = time_ns;
  home_.core.StepAt(time_ns);
}

uint64_t Tasks::WakeStep(uint64_t now_ns) {
  if (due_ns_ > now_ns) return due_ns_;
  due_ns_ = Core::kNever;
  by_time_ = !std::exchange(wants_step_, true);
  return Core::kNever;
}

PyObject *Tasks::Make(PyObject *coroutine) {
  if (!home_.core.OnLoopThread()) {
    PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR),
                    "task() must be called from a handler, an interval or while the module loads, not from a thread; "
                    "use asyncio.run_coroutine_threadsafe(coroutine, loop), with the loop of a running task");
    return nullptr;
  }
  if (!Load()) return nullptr;
  const PyRef make = make_;
  const PyRef on_trial = PyRef::Steal(home_.on_trial() ? PyLong_FromUnsignedLongLong(1) : mmpy_none());
  PyObject *const arguments[] = {coroutine, on_trial.get()};
  return on_trial ? PyObject_Vectorcall(make.get(), arguments, 2, nullptr) : nullptr;
}

PyObject *Tasks::Current() const {
  PyObject *name = nullptr;
  if (!channel_) return mmpy_none();
  return PyContextVar_Get(channel_.get(), nullptr, &name) == 0 && name != nullptr ? name : nullptr;
}

// Of exactly this type: nothing is asked that could run user code.
bool Tasks::IsCoroutine(PyObject *result) {
  if (!coroutine_types_[0]) {
    const PyRef types = home_.interpreter.CallHelper("coroutine_types", {});
    for (size_t i = 0; types && i < std::size(coroutine_types_); ++i) {
      coroutine_types_[i] = PyRef::Borrow(ItemOf(types.get(), static_cast<Py_ssize_t>(i)));
    }
    PyErr_Clear();
  }
  const PyRef type = PyRef::Steal(PyObject_Type(result));
  return type && (type.get() == coroutine_types_[0].get() || type.get() == coroutine_types_[1].get());
}

void Tasks::Take(PyRef result, const char *role, PyObject *subject, std::optional<double> value) {
  if (!IsCoroutine(result.get())) return;
  const bool is_handler = std::strcmp(role, "handler") == 0;
  PyRef raised;
  if (Load()) {
    if (!handler_role_) handler_role_ = PyRef::Steal(PyUnicode_FromString("handler"));
    const PyRef start = start_;
    const PyRef python_role = is_handler ? handler_role_ : PyRef::Steal(PyUnicode_FromString(role));
    const PyRef python_value = PyRef::Steal(value && is_handler ? PyFloat_FromDouble(*value) : mmpy_none());
    PyObject *const arguments[] = {result.get(), python_role.get(), subject, python_value.get()};
    if (python_role && python_value && subject != nullptr)
      raised = PyRef::Steal(PyObject_Vectorcall(start.get(), arguments, std::size(arguments), nullptr));
  }
  EndIfForked();
  if (raised) return;
  // It has not begun: asyncio can't be imported, or there is no memory or descriptor.
  home_.core.Tell([&] {
    PythonException exception = home_.interpreter.TakeException();
    std::string name = subject == nullptr ? "" : is_handler ? ToText(subject) : home_.interpreter.Describe(subject);
    return Report{Report::Kind::kException, home_.id, role, std::move(name), "", value, std::move(exception)};
  });
  PyErr_Clear();
}

PyObject *Tasks::TakeNext() {
  const PyRef next = next_;
  if (stepping_ && home_.core.OnLoopThread()) {
    // A call of its own for the watchdog.
    home_.watchdog.Begin();
    if (!first_ && uv_hrtime() >= step_until_ns_) {
      PyErr_SetObject(pause_.get(), nullptr);
      return nullptr;
    }
    first_ = false;
  }
  ++taken_;
  if (next) return PyObject_Vectorcall(next.get(), nullptr, 0, nullptr);
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR), "the event loop has been closed");
  return nullptr;
}

bool Tasks::Step(uint64_t budget_ns) {
  if (!begun_ && !home_.ending) return false;
  wants_step_ = false;
  if (!step_) return false;
  home_.gil.SwitchTo(home_.interpreter.state());
  mmpy_now_running = {home_.capsule.get(), &home_.self};
  const PyRef step = step_;
  const PyRef by_time = PyRef::Steal(PyBool_FromLong(std::exchange(by_time_, false) ? 1 : 0));
  const Watchdog::Running running = home_.ending ? home_.AsSideEffect("task") : home_.AsRunning("task", nullptr);
  const WatchedCall watched(home_.watchdog, running, home_.interpreter.interpreter_state());
  first_ = true;
  step_until_ns_ = uv_hrtime() + budget_ns;
  stepping_ = true;
  const PyRef more = Call(step.get(), by_time.get());
  stepping_ = false;
  if (!more) ReportException(home_.core, home_.id, home_.interpreter, "callback", step.get());
  if (more && mmpy_is_none(more.get()) == 0) wants_step_ = true;
  return wants_step_;
}

bool Tasks::BeginEnd(uint64_t cleanup_until_ms) {
  if (!step_) return false;
  if (!poll_ && Watch() < 0) return false;  // it has never begun
  begun_ = true;
  const WatchedCall watched(home_.watchdog, home_.AsSideEffect("task"), home_.interpreter.interpreter_state());
  const uint64_t now = SteadyMs();
  const double seconds = cleanup_until_ms > now ? static_cast<double>(cleanup_until_ms - now) / 1000 : 0;
  const PyRef timeout = PyRef::Steal(PyFloat_FromDouble(seconds));
  const PyRef waits = timeout ? home_.interpreter.CallHelper("end_tasks", {timeout.get()}) : PyRef();
  if (!waits) ReportException(home_.core, home_.id, home_.interpreter, "callback", step_.get());
  return waits && mmpy_is_none(waits.get()) == 0;
}

void Tasks::Ended() {
  home_.core.TasksEnded(home_.id);
  home_.WakeCore();
}

// Unless user code has closed it, and its number is another file's by now.
void Tasks::CloseDescriptor() {
  const int fd = std::exchange(fd_, -1);
  if (fd < 0) return;
  KeepInForkedChildren(fd);
  struct stat file = {};
  // A selector's descriptor is of no type of file.
  const bool is_selector = fstat(fd, &file) == 0 && (file.st_mode & S_IFMT) == 0;
  if (is_selector) close(fd);
}

void Tasks::Clear() {
  if (step_) home_.interpreter.CallForEffect("close_tasks");
  poll_.Close();
  due_ns_ = Core::kNever;
  CloseDescriptor();
  wants_step_ = false;
  PyRef *const all[] = {
      &start_, &make_, &channel_, &next_, &pause_, &step_, &handler_role_, &coroutine_types_[0], &coroutine_types_[1]};
  for (PyRef *const one : all) const PyRef released = std::exchange(*one, {});
}

void Tasks::Abandon() {
  poll_.Close();
  due_ns_ = Core::kNever;
  CloseDescriptor();
  PyRef *const all[] = {
      &start_, &make_, &channel_, &next_, &pause_, &step_, &handler_role_, &coroutine_types_[0], &coroutine_types_[1]};
  for (PyRef *const one : all) one->release();
}

}  // namespace mmpy
