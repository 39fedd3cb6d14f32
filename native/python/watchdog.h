// Detects code that runs for too long, in whatever phase, and ends it if it may: a thread that observes the loop's
// thread.
//
// The loop's thread marks the beginning of every call of user code with one store, and the end of a batch of calls with
// another. The watchdog reads the mark forty times a second; if it stays the same for too long, a second thread, the
// inspector, requests the GIL, which CPython hands over within milliseconds even from an endless loop; then the user
// code is suspended. Up to 3.12 this only works with a thread state of the running interpreter; so the inspector
// creates one, for which that interpreter must not end meanwhile: see Await(). Code written in C may keep the GIL, and
// the inspector waiting; the watchdog itself never waits, so it ends a process that has been told to stop in any case.
#ifndef MMPY_WATCHDOG_H
#define MMPY_WATCHDOG_H

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "io/log_line.h"
#include "python/api.h"
#include "python/inspector.h"
#include "python/py_ref.h"

namespace mmpy {

class Watchdog {
 public:
  // The running user code, for messages. Written by the loop's thread with the GIL held.
  struct Running {
    WatchedCode *code;
    const char *role;       // "handler", "interval", "socket", "cleanup handler", "module", "finalizers", ...
    PyObject *function;     // borrowed; NULL for handlers, which are known by their channel, and what is not a function
    bool limited = true;    // by the limits below
    bool stoppable = true;  // by a signal to stop
    uint64_t print_ms = 0;  // when a message is printed, if it is not limited
    uint64_t until_ms = 0;  // SteadyMs() at which it is ended, whatever it is; 0: never
  };

  // How long user code may run, in ms; 0 is no limit. For handlers, intervals and socket functions.
  void SetLimits(uint64_t warn_ms, uint64_t timeout_ms) {
    warn_ms_.store(warn_ms, std::memory_order_relaxed);
    timeout_ms_.store(timeout_ms, std::memory_order_relaxed);
  }

  // The format of messages on standard error about code that does not return, since the core's reports are not read
  // then; and whether only errors are printed.
  void SetPrinting(LogFormat format, bool only_errors) {
    format_.store(format, std::memory_order_relaxed);
    only_errors_.store(only_errors, std::memory_order_relaxed);
  }

  LogFormat printing() const { return format_.load(std::memory_order_relaxed); }
  bool prints_only_errors() const { return only_errors_.load(std::memory_order_relaxed); }

  // Starts its threads, once per process.
  void Start();

  // The loop's thread, with the GIL and a thread state of `interpreter`: calls of `running` follow, which lives until
  // the last one is over.
  void Expect(const Running *running, PyInterpreterState *interpreter) {
    running_ = running;
    interpreter_.store(interpreter, std::memory_order_relaxed);
  }
  // A call begins.
  void Begin() {
    if (raised_) TakeBack();
    call_.store(++count_, std::memory_order_relaxed);
  }
  // The last call is over.
  void End() {
    if (raised_) TakeBack();
    call_.store(0, std::memory_order_relaxed);
  }

  // Waits until no thread of the watchdog is inside any interpreter. To be called before one ends, when it no longer
  // runs any code; without the GIL, for which the inspector may be waiting.
  void Await() { const std::lock_guard<std::mutex> lock(inside_); }

  // The name of an interpreter's instance, for messages without the GIL. Empty to forget it.
  void Name(PyInterpreterState *interpreter, const std::string &name);

 private:
  friend class WatchedCall;
  friend class WatchedStart;
  struct Observation;
  void Run();
  void Observe(Observation &seen);
  void Look(Observation &seen);
  void LookInside(const Inspection &inspection, Findings &findings);
  void EndProcessIfOverdue(const Observation &seen);
  void TellStop(Observation &seen, const std::string &what, const std::string &stack) const;
  const char *WhyUnseen();
  void Print(LogLevel level, const std::string &message) const;
  std::string NameOfCode();
  void TakeBack();

  std::atomic<uint64_t> call_{0};  // 0 while no user code runs
  uint64_t count_ = 0;
  // An exception has been raised for the running call, which may end without having got it: read and written with the
  // GIL held.
  bool raised_ = false;
  unsigned long raised_in_ = 0;       // the thread
  const Running *running_ = nullptr;  // read with the GIL held
  std::atomic<PyInterpreterState *> interpreter_{nullptr};
  std::atomic<uint64_t> until_ms_{0};  // of the running call
  std::atomic<uint64_t> warn_ms_{0};
  std::atomic<uint64_t> timeout_ms_{0};
  std::atomic<LogFormat> format_{LogFormat::kNone};
  std::atomic<bool> only_errors_{false};
  Inspector inspector_;
  std::mutex inside_;  // held by the inspector while it uses an interpreter
  std::mutex names_mutex_;
  std::map<PyInterpreterState *, std::string> names_;
  std::string starting_;  // what is being started, while there is no interpreter to look into
};

// The owner of watched code. All is called with the GIL and a thread state of the code's interpreter, while the code is
// suspended.
class WatchedCode {
 public:
  virtual ~WatchedCode() = default;

  // Reports running code.
  virtual void ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) = 0;

  // A message about code that has not returned.
  virtual std::string StuckText(const Watchdog::Running &running, uint64_t elapsed_ms) = 0;

  // What it is, with its instance; and where it is.
  virtual std::string Subject(const Watchdog::Running &running) = 0;
  virtual std::string Stack() = 0;

  // Creates the argument for RaiseInThread() to end it, because it has run for `limit_ms`, or, if that is 0, because
  // the process is to stop. Empty if no code runs at the moment that an exception would end.
  virtual PyRef Interruption(const Watchdog::Running &running, uint64_t limit_ms) = 0;
};

// One call of user code outside the event path. They nest.
class WatchedCall {
 public:
  WatchedCall(Watchdog &watchdog, const Watchdog::Running &running, PyInterpreterState *interpreter)
      : watchdog_(watchdog),
        running_(running),
        outer_(watchdog.running_),
        outer_interpreter_(watchdog.interpreter_.load(std::memory_order_relaxed)),
        outer_call_(watchdog.call_.load(std::memory_order_relaxed)),
        outer_until_ms_(watchdog.until_ms_.load(std::memory_order_relaxed)) {
    watchdog_.Expect(&running_, interpreter);
    watchdog_.until_ms_.store(running.until_ms, std::memory_order_relaxed);
    watchdog_.Begin();
  }
  ~WatchedCall() {
    watchdog_.End();
    watchdog_.until_ms_.store(outer_until_ms_, std::memory_order_relaxed);
    if (outer_call_ == 0) return;
    watchdog_.Expect(outer_, outer_interpreter_);
    watchdog_.call_.store(outer_call_, std::memory_order_relaxed);
  }
  WatchedCall(const WatchedCall &) = delete;
  WatchedCall &operator=(const WatchedCall &) = delete;

  // Something else of the same code follows, with limits of its own.
  void Again() const { watchdog_.Begin(); }

 private:
  Watchdog &watchdog_;
  const Watchdog::Running running_;
  const Watchdog::Running *const outer_;
  PyInterpreterState *const outer_interpreter_;
  const uint64_t outer_call_;
  const uint64_t outer_until_ms_;
};

// A start of CPython or of an interpreter, which there is no way to look into yet: it runs `site`, with the .pth files
// of packages.
class WatchedStart {
 public:
  WatchedStart(Watchdog &watchdog, const std::string &what);
  ~WatchedStart();
  WatchedStart(const WatchedStart &) = delete;
  WatchedStart &operator=(const WatchedStart &) = delete;

 private:
  Watchdog &watchdog_;
};

}  // namespace mmpy

#endif
