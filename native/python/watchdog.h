// Notices user code that runs for too long, and ends it if asked to: a thread that looks at the loop's thread from
// outside.
//
// The loop's thread marks the begin of every call of user code with one store, and the end of a batch of calls with
// another. The watchdog looks at the mark forty times a second; where it finds the same one for too long, it asks for
// the GIL, which CPython hands over within milliseconds even from an endless loop, and then everything below is at
// rest. Up to 3.12 it does so only if who asks has a thread state of the interpreter that runs; so the watchdog makes
// one, for which that interpreter must not end meanwhile: see Await().
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
  // What user code is running, for messages. Written by the loop's thread with the GIL held.
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

  enum class Tell : int { kNothing, kText, kJson, kJournal };
  // What to write to standard error of code that does not return, since the core's reports are not read then.
  void SetTell(Tell tell) { tell_.store(tell, std::memory_order_relaxed); }

  // Starts the thread, once in the life of the process.
  void Start();

  // The loop's thread: calls of `running`, in `interpreter`, follow; it lives until the last one is over.
  void Expect(const Running *running, PyInterpreterState *interpreter) {
    running_ = running;
    interpreter_.store(interpreter, std::memory_order_relaxed);
  }
  // One begins.
  void Begin() { call_.store(++count_, std::memory_order_relaxed); }
  // The last one is over.
  void End() { call_.store(0, std::memory_order_relaxed); }

  // Waits until the watchdog is not inside any interpreter. To be called before one ends, when it runs nothing any
  // more; without the GIL, for which the watchdog may be waiting.
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
  std::atomic<Tell> tell_{Tell::kNothing};
  std::atomic<PyInterpreterState *> interpreter_{nullptr};
  std::mutex inside_;  // held by the watchdog while it uses an interpreter
};

// Whose code it is.
class WatchedCode {
 public:
  virtual ~WatchedCode() = default;

  // Reports what runs; writes it to standard error; makes what RaiseInThread() needs to end it, for the reason that it
  // has run for `limit_ms`, or that the process is to stop if that is 0.
  virtual void ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) = 0;
  virtual void TellStuck(const Watchdog::Running &running, uint64_t elapsed_ms, Watchdog::Tell as) = 0;
  virtual PyRef Interruption(const Watchdog::Running &running, uint64_t limit_ms) = 0;
};

// One call of user code outside of the event path.
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
