// The sockets (and other objects with a descriptor) that one python instance's code registered with manage().
//
// Unless it says otherwise, everything is called with the GIL held and the instance's thread state current.
#ifndef MMPY_MANAGED_SOCKETS_H
#define MMPY_MANAGED_SOCKETS_H

#include <map>
#include <string>
#include <vector>

#include "instance/home.h"
#include "io/fd_watcher.h"
#include "python/py_ref.h"

namespace mmpy {

class ManagedSockets final : public FdListener {
 public:
  explicit ManagedSockets(Home &home) : home_(home) {}

  // midimonster.manage(); 0, or -1 with an exception set.
  int Manage(PyObject *function, PyObject *socket);
  int Unmanage(PyObject *socket);

  // Starts calling functions. Returns 0 or a libuv error.
  int Start();

  // Unregisters sockets that were closed without being unregistered. Returns whether any socket is left.
  bool DropClosed();

  bool empty() const { return watches_.empty(); }

  // In a reload. All registrations are on trial then, since threads can't make any.
  void Begin();
  // Drops sockets of old versions that have not been registered again.
  void DropOld(const IsMeant &is_old);
  void Commit();
  void Rollback();

  // Unregisters all. Releasing them runs user code (__del__).
  void Clear();

  // Unregisters all without releasing them, for when the GIL can't be taken.
  void Abandon();

  void OnReady(const std::vector<ReadyWatch> &ready) override;
  void OnFailure(const char *what) override { home_.core.Failed(what); }

 private:
  struct Watch {
    int fd;
    PyRef function;
    PyRef socket;
    unsigned failures = 0;    // calls in a row that raised
    bool is_renewed = false;  // registered in this reload
  };
  using Watches = std::map<WatchId, Watch>;

  Watches::iterator FindDescriptor(int fd);
  int DescriptorOf(PyObject *socket, int *descriptor);
  enum class Look { kQuick, kThorough };
  bool DropIfClosed(WatchId id, Look look);
  void HandleReadable(WatchId id, bool is_first);
  std::vector<FdWatcher::Member> Members() const;
  void ReportFailure(int error);
  void ForgetWatch(WatchId id, Report::Kind kind, std::optional<PythonException> raised = {});

  Home &home_;
  FdWatcher fd_watcher_{*this};
  WatchId next_watch_ = 0;
  Watches watches_;
  Watches before_;  // as they were when the reload began
};

}  // namespace mmpy

#endif
