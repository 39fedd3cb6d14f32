// The sockets (and other objects with a descriptor) that one python instance's code registered with manage().
//
// A descriptor is one watch with up to two functions: one for when it can be read, one for when it can be written. An
// object may hold data that it has already read from its descriptor, as a TLS socket does: then its function is called
// again although the system has nothing to tell (python/runtime/buffers.py).
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

  // midimonster.manage(); 0, or -1 with an exception set. `interest`: of Interest, one or both.
  int Manage(PyObject *function, PyObject *socket, unsigned interest);
  int Unmanage(PyObject *socket, unsigned interest);

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

  // No function is called any more.
  void Rest() { fd_watcher_.Close(); }

  // Unregisters all without releasing them, for when the GIL can't be taken.
  void Abandon();

  void OnReady(const std::vector<ReadyWatch> &ready) override;
  void OnFailure(const char *what) override { home_.core.Failed(what); }

 private:
  // A function, and what it is called for; empty if there is none for that.
  struct Registered {
    PyRef function;
    unsigned failures = 0;    // calls in a row that raised
    bool is_renewed = false;  // registered in this reload
  };
  struct Watch {
    int fd = -1;
    PyRef socket;
    PyRef has_data;  // says whether data waits above the descriptor; empty if the object can't hold any
    Registered reader = {};
    Registered writer = {};

    Registered &of(unsigned what) { return what == kReadable ? reader : writer; }
    const PyRef &any() const { return reader.function ? reader.function : writer.function; }
    unsigned interest() const { return (reader.function ? kReadable : 0u) | (writer.function ? kWritable : 0u); }
  };
  using Watches = std::map<WatchId, Watch>;

  Watches::iterator FindDescriptor(int fd);
  int DescriptorOf(PyObject *socket, int *descriptor);
  PyRef FindBuffer(PyObject *socket);
  int ManageAgain(Watches::iterator place, PyObject *function, PyObject *socket, PyRef has_data, unsigned interest);
  enum class Look { kQuick, kThorough };
  bool DropIfClosed(WatchId id, Look look);
  void Handle(const ReadyWatch &ready, bool is_first);
  PyRef CallIfReady(WatchId id, unsigned what, bool is_known);
  bool IsReady(WatchId id, unsigned what);
  void LookIntoBuffer(WatchId id);
  bool HasData(WatchId id);
  std::vector<FdWatcher::Member> Members() const;
  void ReportFailure(int error);
  void Unregister(WatchId id, unsigned what);
  void ForgetWatch(WatchId id, Report::Kind kind, std::optional<PythonException> raised = {});
  void ReportWatch(Report::Kind kind, const Watch &watch, const PyRef &function,
                   std::optional<PythonException> raised = {});

  Home &home_;
  FdWatcher fd_watcher_{*this};
  WatchId next_watch_ = 0;
  Watches watches_;
  Watches before_;  // as they were when the reload began
};

}  // namespace mmpy

#endif
