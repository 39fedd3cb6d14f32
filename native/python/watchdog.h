// Detects user code that runs for too long, and ends it if configured to: a thread that observes the loop's thread.
//
// The loop's thread marks the beginning of every call of user code with one store, and the end of a batch of calls with
// another. The watchdog reads the mark forty times a second; if it stays the same for too long, it requests the GIL,
// which CPython hands over within milliseconds even from an endless loop; then the user code is suspended. Up to 3.12
// this only works with a thread state of the running interpreter; so the watchdog creates one, for which that
// interpreter must not end meanwhile: see Await().
#ifndef MMPY_WATCHDOG_H
#define MMPY_WATCHDOG_H

#include <atomic>
#include <cstdint>
#include <mutex>

#include "python/api.h"
#include "python/py_ref.h"

namespace mmpy {

class WatchedCode;

class Watchdog {
 public:
  // The running user code, for messages. Written by the loop's thread with the GIL held.
  struct Running {
    WatchedCode *code;
    const char *role;       // "handler", "interval", "socket", "cleanup handler", "module"
    PyObject *function;     // borrowed; NULL for handlers, which are known by their channel
    bool limited = true;    // by the limits below
    bool stoppable = true;  // by a signal to stop
  };

  // How long user code may run, in ms; 0 is no limit. For handlers, intervals and socket functions.
  void SetLimits(uint64_t warn_ms, uint64_t timeout_ms) {
    warn_ms_.store(warn_ms, std::memory_order_relaxed);
    timeout_ms_.store(timeout_ms, std::memory_order_relaxed);
  }

  enum class StuckFormat : int { kNothing, kText, kJson, kJournal };
  // The format of a message on standard error about code that does not return, since the core's reports are not read
  // then.
  void SetStuckFormat(StuckFormat format) { stuck_format_.store(format, std::memory_order_relaxed); }

  // Starts the thread, once per process.
  void Start();

  // The loop's thread: calls of `running`, in `interpreter`, follow; it lives until the last one is over.
  void Expect(const Running *running, PyInterpreterState *interpreter) {
    running_ = running;
    interpreter_.store(interpreter, std::memory_order_relaxed);
  }
  // A call begins.
  void Begin() { call_.store(++count_, std::memory_order_relaxed); }
  // The last call is over.
  void End() { call_.store(0, std::memory_order_relaxed); }

  // Waits until the watchdog is not inside any interpreter. To be called before one ends, when it no longer runs any
  // code; without the GIL, for which the watchdog may be waiting.
  void Await() { const std::lock_guard<std::mutex> lock(inside_); }

 private:
  struct Observation;
  void Run();
  void Look(Observation &seen);

  std::atomic<uint64_t> call_{0};  // 0 while no user code runs
  uint64_t count_ = 0;
  const Running *running_ = nullptr;  // read with the GIL held
  std::atomic<uint64_t> warn_ms_{0};
  std::atomic<uint64_t> timeout_ms_{0};
  std::atomic<StuckFormat> stuck_format_{StuckFormat::kNothing};
  std::atomic<PyInterpreterState *> interpreter_{nullptr};
  std::mutex inside_;  // held by the watchdog while it uses an interpreter
};

// The owner of watched code.
class WatchedCode {
 public:
  virtual ~WatchedCode() = default;

  // Reports running code; prints a message about it to standard error; creates the argument for RaiseInThread() to end
  // it, because it has run for `limit_ms`, or, if that is 0, because the process is to stop.
  virtual void ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) = 0;
  virtual void PrintStuck(const Watchdog::Running &running, uint64_t elapsed_ms, Watchdog::StuckFormat format) = 0;
  virtual PyRef Interruption(const Watchdog::Running &running, uint64_t limit_ms) = 0;
};

// One call of user code outside the event path.
class WatchedCall {
 public:
  WatchedCall(Watchdog &watchdog, const Watchdog::Running &running, PyInterpreterState *interpreter)
      : watchdog_(watchdog), running_(running) {
    watchdog_.Expect(&running_, interpreter);
    watchdog_.Begin();
  }
  ~WatchedCall() { watchdog_.End(); }
  WatchedCall(const WatchedCall &) = delete;
  WatchedCall &operator=(const WatchedCall &) = delete;

 private:
  Watchdog &watchdog_;
  const Watchdog::Running running_;
};

}  // namespace mmpy

#endif
