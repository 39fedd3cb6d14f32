// Watches the descriptors of one python instance.
//
// They are in a ReadinessSet of their own, and libuv polls that set's descriptor. libuv never sees the user's
// descriptors themselves, because user code may close one at any time without telling us: a closed descriptor in
// libuv's own set aborts the process (uv__io_poll), and one whose number has been given to a socket of Node's takes
// that socket's events. In our own set the kernel forgets a closed descriptor by itself and the number can be used
// again at once. libuv would also make the descriptors non-blocking, which user code can tell (sendall, makefile), and
// would refuse what Node or another instance watches already.
#ifndef MMPY_FD_WATCHER_H
#define MMPY_FD_WATCHER_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "io/readiness_set.h"
#include "io/uv_handle.h"

namespace mmpy {

using WatchId = uint64_t;  // never used twice, other than descriptors

// Beside Interest: what TellAgain() asked for.
constexpr unsigned kAgain = 4;

struct ReadyWatch {
  WatchId watch;
  unsigned what;  // of Interest: what was asked for, or both for one that is at its end or in error; or kAgain
};

// Told, on the loop's thread and without the GIL, which watched descriptors are ready.
class FdListener {
 public:
  virtual ~FdListener() = default;
  virtual void OnReady(const std::vector<ReadyWatch> &ready) = 0;

  // OnReady() threw.
  virtual void OnFailure(const char *what) = 0;
};

class FdWatcher {
 public:
  explicit FdWatcher(FdListener &listener) : listener_(listener) {}
  ~FdWatcher() { Close(); }
  FdWatcher(const FdWatcher &) = delete;
  FdWatcher &operator=(const FdWatcher &) = delete;

  // Adds a descriptor. Returns 0 or an errno, see ReadinessSet.
  int Add(int fd, WatchId watch, unsigned interest = kReadable);

  // Waits for something else from now on, with one that was added. Likewise.
  int Change(int fd, WatchId watch, unsigned interest);

  // Takes out what was added; harmless if it is closed.
  void Remove(int fd);

  // Tells the listener of this watch in the next iteration of the loop, ready or not: data that was read from the
  // descriptor may wait in a buffer above it, of which the system knows nothing. Also of one that is removed meanwhile.
  // Returns 0 or a libuv error.
  int TellAgain(WatchId watch) noexcept;

  // Nothing else than what was added and not removed can be in the set: every descriptor was taken out before it was
  // closed.
  bool all_known() const { return all_known_; }

  // Starts a new set with these members: the way out when a closed descriptor still reports, as it does while a copy of
  // it is open elsewhere (a child process), and can't be named any more. Returns 0 or an errno.
  struct Member {
    int fd;
    WatchId watch;
    unsigned interest = kReadable;
  };
  int Rebuild(const std::vector<Member> &members);

  // Whether the set still holds these members: user code may close any descriptor, also the set's own, of which only
  // this tells. Restores what is missing.
  struct Checked {
    bool was_lost = false;  // the set itself was closed
    int error = 0;          // an errno, if it could not be restored
  };
  Checked Check(const std::vector<Member> &members);

  // Whether a descriptor is ready at this moment, for one of Interest.
  static bool IsReady(int fd, unsigned interest);

  // Starts telling the listener. Returns 0 or a libuv error.
  int Start(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count);

  void Close();

 private:
  int Open();
  int StartPolling();
  int StartAgain();
  void OnPoll();
  void OnAgain();
  void CloseSet();

  FdListener &listener_;
  ReadinessSet set_;
  size_t members_ = 0;
  std::set<WatchId> again_;  // those to be told of again
  bool all_known_ = true;
  uv_loop_t *loop_ = nullptr;  // set once started
  std::shared_ptr<HandleCount> count_;
  UvHandle<uv_poll_t> poll_;
  UvHandle<uv_idle_t> idle_;
};

}  // namespace mmpy

#endif
