// The sockets (and whatever else has a descriptor) that one python instance's code registered with manage().
//
// Unless it says otherwise, everything is called with the GIL held and the instance's thread state current.
#ifndef MMPY_MANAGED_SOCKETS_H
#define MMPY_MANAGED_SOCKETS_H

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/fd_watcher.h"
#include "python/interpreter.h"
#include "python/py_ref.h"
#include "routing/core.h"

namespace mmpy {

class ManagedSockets final : public FdListener {
 public:
  ManagedSockets(Core &core, InstanceId id, Interpreter &interpreter, PythonInstance &owner)
      : core_(core), id_(id), interpreter_(interpreter), owner_(owner) {}

  // midimonster.manage(); 0, or -1 with an exception set.
  int Manage(PyObject *function, PyObject *socket);
  int Unmanage(PyObject *socket);

  // Begins to call functions. Returns 0 or a libuv error.
  int Start();

  // Unregisters sockets that were closed without telling us. Returns whether any socket is left.
  bool DropClosed();

  bool empty() const { return watches_.empty(); }

  struct Watch {
    int fd;
    PyRef function;
    PyRef socket;
    unsigned failures = 0;  // calls in a row that raised
    bool renewed = true;    // since the last Snapshot()
  };
  using Watches = std::map<WatchId, Watch>;

  // What is registered now; what is registered from now on counts as renewed.
  Watches Snapshot();

  // Puts back what a snapshot holds. Returns what there was instead, for the caller to release.
  Watches Restore(const Watches &snapshot);

  // Unregisters what is not renewed and whose function is one of these. Releasing it runs user code (__del__).
  void DropUnlessRenewed(const std::function<bool(PyObject *function)> &is_one);

  // Unregisters all. Releasing them runs user code (__del__).
  void Clear();

  // Unregisters all without releasing them, for when the GIL can't be had.
  void Abandon();

  void OnReadable(const std::vector<WatchId> &watches) override;

 private:
  Watches::iterator FindDescriptor(int fd);
  int DescriptorOf(PyObject *socket, int *descriptor);
  enum class Look { kQuick, kThorough };
  bool DropIfClosed(WatchId id, Look look);
  void HandleReadable(WatchId id);
  Watchdog::Running AsRunning(PyObject *function) const;
  void ForgetWatch(WatchId id, Report::Kind kind, std::optional<PythonException> raised = {});

  Core &core_;
  const InstanceId id_;
  Interpreter &interpreter_;
  PythonInstance &owner_;
  FdWatcher fd_watcher_{*this};
  WatchId next_watch_ = 0;
  Watches watches_;
};

}  // namespace mmpy

#endif
