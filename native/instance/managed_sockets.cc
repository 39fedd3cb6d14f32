#include "instance/managed_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "python/module.h"
#include "python/user_code.h"

namespace mmpy {

namespace {

// A socket function that raises this many times in a row is unregistered: the unread data would make the loop spin.
constexpr unsigned kMaxFailures = 10;

void RaiseOsError(int error, const char *message) {
  const PyRef arguments = PyRef::Steal(Py_BuildValue("(is)", error, message));
  if (arguments) PyErr_SetObject(mmpy_exception_type(MMPY_OS_ERROR), arguments.get());
}

int RequireLoopThread(const Core &core) {
  if (core.OnLoopThread()) return 0;
  PyErr_SetString(mmpy_exception_type(MMPY_RUNTIME_ERROR),
                  "manage() must be called from a handler, an interval or while the module loads, not from a thread");
  return -1;
}

}  // namespace

int ManagedSockets::Start() { return fd_watcher_.Start(home_.core.loop(), home_.core.handles()); }

ManagedSockets::Watches::iterator ManagedSockets::FindDescriptor(int fd) {
  return std::find_if(watches_.begin(), watches_.end(), [&](const auto &entry) { return entry.second.fd == fd; });
}

// Asks an object for its descriptor. Returns 0, or -1 with an exception set.
int ManagedSockets::DescriptorOf(PyObject *socket, int *descriptor) {
  const PyRef method = PyRef::Steal(PyObject_GetAttrString(socket, "fileno"));
  if (!method) {
    if (PyErr_ExceptionMatches(mmpy_exception_type(MMPY_ATTRIBUTE_ERROR)) == 0) return -1;
    PyErr_Clear();
    PyErr_SetString(mmpy_exception_type(MMPY_TYPE_ERROR), "manage() requires a socket-like object, with fileno()");
    return -1;
  }
  const PyRef number = Call(method.get(), nullptr);
  if (!number) return -1;
  const long value = PyLong_AsLong(number.get());
  if (value == -1 && PyErr_Occurred() != nullptr) return -1;
  *descriptor = value < 0 || value > INT32_MAX ? -1 : static_cast<int>(value);
  return 0;
}

// Asks for the function that says whether an object holds data above its descriptor; empty for most.
PyRef ManagedSockets::FindBuffer(PyObject *socket) {
  PyRef found = home_.interpreter.CallHelper("find_buffer", {socket});
  if (!found) PyErr_Clear();
  return found && mmpy_is_none(found.get()) == 0 ? std::move(found) : PyRef();
}

void ManagedSockets::ReportWatch(Report::Kind kind, const Watch &watch, const PyRef &function,
                                 std::optional<PythonException> raised) {
  home_.core.Tell([&] {
    return Report{kind,
                  home_.id,
                  "socket",
                  home_.interpreter.Describe(function.get()),
                  "",
                  static_cast<double>(watch.fd),
                  std::move(raised)};
  });
}

void ManagedSockets::ForgetWatch(WatchId id, Report::Kind kind, std::optional<PythonException> raised) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) return;
  const Watch watch = std::move(place->second);  // released after the table is whole again
  watches_.erase(place);
  fd_watcher_.Remove(watch.fd);
  ReportWatch(kind, watch, watch.any(), std::move(raised));
}

// One or both of a watch's functions are not called any more. With the last one, the watch goes.
void ManagedSockets::Unregister(WatchId id, unsigned what) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) return;
  Watch &watch = place->second;
  const unsigned before = watch.interest();
  const unsigned after = before & ~what;
  if (after == before) return;
  // Released last: that runs user code (__del__).
  Watch gone;
  if (after == 0) {
    gone = std::move(watch);
    fd_watcher_.Remove(gone.fd);
    watches_.erase(place);
    return;
  }
  gone.reader = std::exchange(watch.of(what), {});
  fd_watcher_.Change(watch.fd, id, after);  // fails for a descriptor that is closed, and then it is dropped anyway
}

// Drops a watch whose object no longer has the descriptor that it was registered with. Returns whether it was dropped.
// Finding out whether the descriptor was closed behind the object's back takes a system call, so that is not checked
// with every event.
bool ManagedSockets::DropIfClosed(WatchId id, Look look) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) return true;
  const int fd = place->second.fd;
  const PyRef socket = place->second.socket;  // fileno() is user code: it may unregister it, or register another one
  int descriptor = -1;
  std::optional<PythonException> raised;
  if (DescriptorOf(socket.get(), &descriptor) != 0) {
    // Closed files and serial ports raise these too; any other exception is reported.
    const bool says_closed = PyErr_ExceptionMatches(mmpy_exception_type(MMPY_VALUE_ERROR)) != 0 ||
                             PyErr_ExceptionMatches(mmpy_exception_type(MMPY_OS_ERROR)) != 0;
    if (!says_closed) raised = home_.interpreter.TakeException();
    PyErr_Clear();
  }
  const auto after = watches_.find(id);
  if (after == watches_.end()) return true;
  if (after->second.socket.get() != socket.get()) return false;  // it has been replaced meanwhile
  if (descriptor == fd && (look == Look::kQuick || fcntl(fd, F_GETFD) >= 0)) return false;
  ForgetWatch(id, Report::Kind::kSocketClosed, std::move(raised));
  return true;
}

bool ManagedSockets::DropClosed() {
  std::vector<WatchId> ids;
  for (const auto &entry : watches_) ids.push_back(entry.first);
  for (const WatchId id : ids) {
    const auto place = watches_.find(id);
    if (place == watches_.end()) continue;
    const PyRef function = place->second.any();
    const WatchedCall watched(home_.watchdog, home_.AsRunning("socket", function.get()),
                              home_.interpreter.interpreter_state());
    DropIfClosed(id, Look::kThorough);
  }
  const FdWatcher::Checked checked = fd_watcher_.Check(Members());
  if (checked.error != 0) {
    ReportFailure(checked.error);
  } else if (checked.was_lost) {
    home_.core.Tell([&] { return Report{Report::Kind::kWatchRestored, home_.id, "socket", "", "", {}}; });
  }
  return !watches_.empty();
}

std::vector<FdWatcher::Member> ManagedSockets::Members() const {
  std::vector<FdWatcher::Member> members;
  for (const auto &[id, watch] : watches_) members.push_back({watch.fd, id, watch.interest()});
  return members;
}

void ManagedSockets::ReportFailure(int error) {
  home_.core.Tell([&] { return Report{Report::Kind::kWatchFailed, home_.id, "socket", "", strerror(error), {}}; });
}

int ManagedSockets::Manage(PyObject *function, PyObject *socket, unsigned interest) {
  if (RequireLoopThread(home_.core) != 0) return -1;
  if (home_.ending) return 0;
  int fd = -1;
  if (DescriptorOf(socket, &fd) != 0) return -1;
  if (fd < 0) {
    PyErr_SetString(mmpy_exception_type(MMPY_VALUE_ERROR), "manage() requires an open socket; this one is closed");
    return -1;
  }
  PyRef has_data = FindBuffer(socket);
  if (home_.RefuseIfStopped()) return -1;

  // The same number means the same socket, unless the old object has been closed.
  auto place = FindDescriptor(fd);
  if (place != watches_.end() && !DropIfClosed(place->first, Look::kThorough)) {
    place = FindDescriptor(fd);
    if (place != watches_.end()) return ManageAgain(place, function, socket, std::move(has_data), interest);
  }

  // Its entry first, so that nothing can fail once the system knows it.
  const WatchId id = next_watch_++;
  Watches added;
  Watch &watch = added[id];
  watch = {fd, PyRef::Borrow(socket), std::move(has_data)};
  for (const unsigned what : {kReadable, kWritable}) {
    if ((interest & what) != 0) watch.of(what) = {PyRef::Borrow(function), 0, true};
  }
  const int error = fd_watcher_.Add(fd, id, interest);
  if (error == EPERM) {
    RaiseOsError(EPERM,
                 "manage() needs something that can be waited for, like a socket or a pipe; a regular file can't");
    return -1;
  }
  if (error != 0) {
    RaiseOsError(error, strerror(error));
    return -1;
  }
  watches_.insert(added.extract(added.begin()));
  home_.core.StartHousekeeping();
  if ((interest & kReadable) != 0) LookIntoBuffer(id);
  return 0;
}

// Replaces functions of a watch, or adds one.
int ManagedSockets::ManageAgain(Watches::iterator place, PyObject *function, PyObject *socket, PyRef has_data,
                                unsigned interest) {
  const WatchId id = place->first;
  Watch &watch = place->second;
  const unsigned before = watch.interest();
  const unsigned after = before | interest;
  // The kernel has forgotten it if it was closed and the number now belongs to another file.
  int error = after == before ? EEXIST : fd_watcher_.Change(watch.fd, id, after);
  if (error != 0) error = fd_watcher_.Add(watch.fd, id, after);
  if (error != 0 && error != EEXIST) {
    RaiseOsError(error, strerror(error));
    return -1;
  }
  Watch replaced;  // released last: that runs user code (__del__)
  replaced.socket = std::exchange(watch.socket, PyRef::Borrow(socket));
  replaced.has_data = std::exchange(watch.has_data, std::move(has_data));
  for (const unsigned what : {kReadable, kWritable}) {
    if ((interest & what) == 0) continue;
    replaced.of(what) = std::exchange(watch.of(what), {PyRef::Borrow(function), 0, true});
  }
  if ((interest & kReadable) != 0) LookIntoBuffer(id);
  return 0;
}

int ManagedSockets::Unmanage(PyObject *socket, unsigned interest) {
  if (RequireLoopThread(home_.core) != 0) return -1;
  // By object first: it may be closed and no longer have a number.
  auto place = std::find_if(watches_.begin(), watches_.end(),
                            [&](const auto &entry) { return entry.second.socket.get() == socket; });
  if (place == watches_.end()) {
    if (watches_.empty() && home_.ending) return 0;
    int fd = -1;
    if (DescriptorOf(socket, &fd) != 0) return -1;
    place = FindDescriptor(fd);
  }
  if (place != watches_.end()) Unregister(place->first, interest);
  return 0;
}

void ManagedSockets::OnReady(const std::vector<ReadyWatch> &ready) {
  const Core::Entry entry(home_.core);
  const GilScope own(home_.gil, home_.interpreter.state());
  for (size_t i = 0; i < ready.size(); ++i) Handle(ready[i], i == 0);
}

// `is_first`: no other function has run since the system said so, which may have read or replaced what this one would
// wait for.
void ManagedSockets::Handle(const ReadyWatch &ready, bool is_first) {
  const WatchId id = ready.watch;
  if (watches_.count(id) == 0) {
    // Unregistered by a handler of the same iteration, or since it was to be told of again.
    if (fd_watcher_.all_known() || (ready.what & kAgain) != 0) return;
    // Closed while a duplicate of it still exists elsewhere.
    const int error = fd_watcher_.Rebuild(Members());
    if (error != 0) ReportFailure(error);
    return;
  }
  PyRef called;
  // What was in the buffer may have been read since.
  const bool is_known = is_first && (ready.what & kAgain) == 0;
  if ((ready.what & (kReadable | kAgain)) != 0) called = CallIfReady(id, kReadable, is_known);
  const auto place = watches_.find(id);
  if ((ready.what & kWritable) == 0 || place == watches_.end()) return;
  // A function that is registered for both is called once.
  if (called && place->second.writer.function.get() == called.get()) return;
  CallIfReady(id, kWritable, is_first && !called);
}

// Calls a function of a watch, if there is one. `is_known`: that it is ready. Returns the function that was called.
PyRef ManagedSockets::CallIfReady(WatchId id, unsigned what, bool is_known) {
  const auto place = watches_.find(id);
  const int fd = place->second.fd;
  const PyRef known = place->second.of(what).function;
  if (!known) return {};
  const TimedCode timed(home_.core.timing(), home_.counters);
  // For all of this, since fileno() is user code too.
  const WatchedCall watched(home_.watchdog, home_.AsRunning("socket", known.get()),
                            home_.interpreter.interpreter_state());
  if (DropIfClosed(id, Look::kQuick)) return {};
  if (!is_known && !IsReady(id, what)) return {};
  const auto now = watches_.find(id);
  if (now == watches_.end() || !now->second.of(what).function) return {};
  // Owned: the function may register another one in its place, or unregister itself, as fileno() may.
  PyRef function = now->second.of(what).function;
  const PyRef socket = now->second.socket;
  PyRef result = Call(function.get(), socket.get());
  const bool succeeded = static_cast<bool>(result);
  if (succeeded && mmpy_is_none(result.get()) == 0) {
    home_.interpreter.results().Take(std::move(result), "socket", function.get(), fd);
  } else if (!succeeded) {
    watched.Again();
    ReportException(home_.core, home_.id, home_.interpreter, "socket", function.get(), fd);
  }

  if (DropIfClosed(id, succeeded ? Look::kQuick : Look::kThorough)) return function;
  Watch &after = watches_.find(id)->second;
  Registered &registered = after.of(what);
  registered.failures = succeeded ? 0 : registered.failures + 1;
  if (registered.failures >= kMaxFailures) {
    ReportWatch(Report::Kind::kSocketDisabled, after, function);
    Unregister(id, what);
  } else if (what == kReadable) {
    LookIntoBuffer(id);
  }
  return function;
}

bool ManagedSockets::IsReady(WatchId id, unsigned what) {
  // Another function may have moved it from the descriptor to the buffer.
  return FdWatcher::IsReady(watches_.find(id)->second.fd, what) || (what == kReadable && HasData(id));
}

// Has the reader called again if data is left above the descriptor.
void ManagedSockets::LookIntoBuffer(WatchId id) {
  if (HasData(id)) fd_watcher_.TellAgain(id);  // without memory for that, it waits for more data to come
}

bool ManagedSockets::HasData(WatchId id) {
  const auto place = watches_.find(id);
  if (place == watches_.end() || !place->second.has_data || !place->second.reader.function) return false;
  const PyRef has_data = place->second.has_data;
  const PyRef answer = Call(has_data.get(), nullptr);
  if (!answer) PyErr_Clear();
  return answer && mmpy_is_none(answer.get()) == 0 && watches_.count(id) != 0;
}

void ManagedSockets::Begin() {
  before_ = watches_;
  for (auto &entry : watches_) entry.second.reader.is_renewed = entry.second.writer.is_renewed = false;
}

void ManagedSockets::DropOld(const IsMeant &is_old) {
  const Watches watches = watches_;  // is_meant() runs Python code, and this releases nothing: `before_` holds it too
  for (const auto &[id, watch] : watches) {
    for (const unsigned what : {kReadable, kWritable}) {
      const Registered &registered = what == kReadable ? watch.reader : watch.writer;
      if (!registered.function || registered.is_renewed || !is_old(registered.function.get())) continue;
      const auto place = watches_.find(id);
      if (place != watches_.end() && !place->second.of(what).is_renewed) Unregister(id, what);
    }
  }
}

void ManagedSockets::Commit() { const Watches before = std::exchange(before_, {}); }

void ManagedSockets::Rollback() {
  const Watches replaced = std::exchange(watches_, std::exchange(before_, {}));
  for (const auto &[id, watch] : replaced) {
    if (watches_.count(id) == 0) fd_watcher_.Remove(watch.fd);
  }
  for (const auto &[id, watch] : watches_) {
    // A socket that was closed meanwhile can't be added; housekeeping reports it.
    const auto place = replaced.find(id);
    if (place == replaced.end()) {
      fd_watcher_.Add(watch.fd, id, watch.interest());
    } else if (place->second.interest() != watch.interest()) {
      fd_watcher_.Change(watch.fd, id, watch.interest());
    }
  }
}

void ManagedSockets::Clear() {
  fd_watcher_.Close();
  const Watches before = std::exchange(before_, {});
  const Watches watches = std::exchange(watches_, {});
}

void ManagedSockets::Abandon() {
  fd_watcher_.Close();
  for (Watches *watches : {&watches_, &before_}) {
    for (auto &entry : *watches) {
      Watch &watch = entry.second;
      for (PyRef *reference : {&watch.socket, &watch.has_data, &watch.reader.function, &watch.writer.function}) {
        reference->release();
      }
    }
  }
}

}  // namespace mmpy
