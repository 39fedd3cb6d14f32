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

void ManagedSockets::ForgetWatch(WatchId id, Report::Kind kind, std::optional<PythonException> raised) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) return;
  const Watch watch = std::move(place->second);  // released after the table is whole again
  watches_.erase(place);
  fd_watcher_.Remove(watch.fd, id);
  home_.core.Tell([&] {
    return Report{kind,
                  home_.id,
                  "socket",
                  home_.interpreter.Describe(watch.function.get()),
                  "",
                  static_cast<double>(watch.fd),
                  std::move(raised)};
  });
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
    const PyRef function = place->second.function;
    const WatchedCall watched(home_.watchdog, home_.AsRunning("socket", function.get()),
                              home_.interpreter.interpreter_state());
    DropIfClosed(id, Look::kThorough);
  }
  return !watches_.empty();
}

int ManagedSockets::Manage(PyObject *function, PyObject *socket) {
  if (RequireLoopThread(home_.core) != 0) return -1;
  if (home_.ending) return 0;
  int fd = -1;
  if (DescriptorOf(socket, &fd) != 0) return -1;
  if (fd < 0) {
    PyErr_SetString(mmpy_exception_type(MMPY_VALUE_ERROR), "manage() requires an open socket; this one is closed");
    return -1;
  }

  // The same number means the same socket, unless the old object has been closed.
  auto place = FindDescriptor(fd);
  if (place != watches_.end() && !DropIfClosed(place->first, Look::kThorough)) {
    place = FindDescriptor(fd);
    if (place != watches_.end()) {
      // The kernel has forgotten it if it was closed and the number now belongs to another file.
      const int error = fd_watcher_.Add(fd, place->first);
      if (error != 0 && error != EEXIST) {
        RaiseOsError(error, strerror(error));
        return -1;
      }
      const Watch replaced =
          std::exchange(place->second, {fd, PyRef::Borrow(function), PyRef::Borrow(socket), 0, true});
      return 0;
    }
  }

  // Its entry first, so that nothing can fail once the system knows it.
  const WatchId id = next_watch_++;
  Watches added;
  added.insert({id, {fd, PyRef::Borrow(function), PyRef::Borrow(socket), 0, true}});
  const int error = fd_watcher_.Add(fd, id);
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
  return 0;
}

int ManagedSockets::Unmanage(PyObject *socket) {
  if (RequireLoopThread(home_.core) != 0) return -1;
  // By object first: it may be closed and no longer have a number.
  auto place = std::find_if(watches_.begin(), watches_.end(),
                            [&](const auto &entry) { return entry.second.socket.get() == socket; });
  if (place == watches_.end()) {
    int fd = -1;
    if (DescriptorOf(socket, &fd) != 0) return -1;
    place = FindDescriptor(fd);
  }
  if (place == watches_.end()) return 0;
  const Watch watch = std::move(place->second);
  fd_watcher_.Remove(watch.fd, place->first);
  watches_.erase(place);
  return 0;
}

void ManagedSockets::OnReady(const std::vector<ReadyWatch> &ready) {
  const Core::Entry entry(home_.core);
  const GilScope own(home_.gil, home_.interpreter.state());
  for (const ReadyWatch &one : ready) HandleReadable(one.watch);
}

void ManagedSockets::HandleReadable(WatchId id) {
  const auto place = watches_.find(id);
  if (place == watches_.end()) {
    if (fd_watcher_.all_known()) return;  // unregistered by a handler of the same iteration
    // Closed while a duplicate of it still exists elsewhere.
    std::vector<FdWatcher::Member> members;
    for (const auto &member : watches_) members.push_back({member.second.fd, member.first});
    const int error = fd_watcher_.Rebuild(members);
    if (error != 0) {
      home_.core.Tell([&] { return Report{Report::Kind::kWatchFailed, home_.id, "socket", "", strerror(error), {}}; });
    }
    return;
  }
  const int fd = place->second.fd;
  // The function may register another one in its place, or unregister itself.
  const PyRef function = place->second.function;
  const PyRef socket = place->second.socket;
  // For all of this, since fileno() is user code too.
  const WatchedCall watched(home_.watchdog, home_.AsRunning("socket", function.get()),
                            home_.interpreter.interpreter_state());
  if (DropIfClosed(id, Look::kQuick)) return;
  const bool succeeded = static_cast<bool>(Call(function.get(), socket.get()));
  if (!succeeded) {
    watched.Again();
    ReportException(home_.core, home_.id, home_.interpreter, "socket", function.get(), fd);
  }

  const auto after = watches_.find(id);
  if (after == watches_.end() || DropIfClosed(id, succeeded ? Look::kQuick : Look::kThorough)) return;
  after->second.failures = succeeded ? 0 : after->second.failures + 1;
  if (after->second.failures >= kMaxFailures) ForgetWatch(id, Report::Kind::kSocketDisabled);
}

void ManagedSockets::Begin() {
  before_ = watches_;
  for (auto &entry : watches_) entry.second.is_renewed = false;
}

void ManagedSockets::DropOld(const IsMeant &is_old) {
  const Watches watches = watches_;  // is_meant() runs Python code
  for (const auto &[id, watch] : watches) {
    if (watch.is_renewed || !is_old(watch.function.get())) continue;
    const auto place = watches_.find(id);
    if (place == watches_.end() || place->second.is_renewed) continue;
    fd_watcher_.Remove(watch.fd, id);
    watches_.erase(place);  // releases nothing: `before_` holds it too
  }
}

void ManagedSockets::Commit() { const Watches before = std::exchange(before_, {}); }

void ManagedSockets::Rollback() {
  const Watches replaced = std::exchange(watches_, std::exchange(before_, {}));
  for (const auto &[id, watch] : replaced) {
    if (watches_.count(id) == 0) fd_watcher_.Remove(watch.fd, id);
  }
  for (const auto &[id, watch] : watches_) {
    // A socket that was closed meanwhile can't be added; housekeeping reports it.
    if (replaced.count(id) == 0) fd_watcher_.Add(watch.fd, id);
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
      entry.second.function.release();
      entry.second.socket.release();
    }
  }
}

}  // namespace mmpy
