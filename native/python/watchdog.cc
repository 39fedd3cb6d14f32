#include "python/watchdog.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "io/background_thread.h"
#include "io/guard.h"
#include "io/stop_signals.h"
#include "python/interpreter.h"

namespace mmpy {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPeriod = std::chrono::milliseconds(25);
// After this time the watchdog itself prints a message, since the code may never return to where reports are read.
constexpr uint64_t kStuckMs = 1000;
// Code that is running when a stop signal arrives gets this long to return.
constexpr uint64_t kStopTimeoutMs = 500;

}  // namespace

// The watchdog's knowledge of the call that it observes.
struct Watchdog::Observation {
  uint64_t call = 0;
  Clock::time_point since;
  bool warned = false;
  bool printed = false;
  uint64_t end_again_ms = 0;  // elapsed time before which the call is not ended again
  bool stop_seen = false;
  Clock::time_point stop_since;
};

void Watchdog::Start() {
  StartBackgroundThread([this] { Run(); });
}

void Watchdog::Run() {
  Observation seen;
  for (;;) {
    std::this_thread::sleep_for(kPeriod);
    if (!seen.stop_seen && StopSignalSeen()) {
      seen.stop_seen = true;
      seen.stop_since = Clock::now();
    }
    const uint64_t call = call_.load(std::memory_order_relaxed);
    if (call == 0 || call != seen.call) {
      seen.call = call;
      seen.since = Clock::now();
      seen.warned = seen.printed = false;
      seen.end_again_ms = 0;
      continue;
    }
    Look(seen);
  }
}

void Watchdog::Look(Observation &seen) {
  const auto since = [](Clock::time_point then) {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - then).count());
  };
  // The call began up to one period before it was first seen.
  const uint64_t elapsed = since(seen.since) + kPeriod.count();
  const uint64_t warn = warn_ms_.load(std::memory_order_relaxed);
  const uint64_t timeout = timeout_ms_.load(std::memory_order_relaxed);
  const StuckFormat format = stuck_format_.load(std::memory_order_relaxed);

  // The running code keeps JavaScript from seeing the signal.
  const bool stopping = seen.stop_seen && elapsed >= kStopTimeoutMs && since(seen.stop_since) >= kStopTimeoutMs;
  const bool over_time = timeout != 0 && elapsed >= timeout;
  const bool must_warn = warn != 0 && !seen.warned && elapsed >= warn;
  const bool must_print =
      warn != 0 && !seen.printed && format != StuckFormat::kNothing && elapsed >= std::max(warn, kStuckMs);
  const bool must_end = (stopping || over_time) && elapsed >= seen.end_again_ms;
  if (!must_warn && !must_print && !must_end) return;

  {
    const std::lock_guard<std::mutex> lock(inside_);
    // The same call is still running, so its interpreter exists, and will while the lock is held.
    if (call_.load() != seen.call) return;
    PyThreadState *const state = PyThreadState_New(interpreter_.load());
    if (state == nullptr) return;
    PyEval_RestoreThread(state);
    // It may have returned while this thread waited for the GIL; if not, it is suspended now.
    // It may also continue, and return, whenever Python code runs here for milliseconds.
    const auto runs = [&] { return call_.load() == seen.call; };
    if (runs()) {
      const Running running = *running_;
      const PyRef function = PyRef::Borrow(running.function);
      WatchedCode &code = *running.code;
      const auto act = [&] {
        if (must_warn && running.limited) code.ReportSlow(running, elapsed);
        if (must_print && running.limited && runs()) code.PrintStuck(running, elapsed, format);
        if (must_end && (stopping ? running.stoppable : running.limited)) {
          const PyRef interruption = code.Interruption(running, stopping ? 0 : timeout);
          if (interruption && runs()) RaiseInThread(interruption.get());
        }
      };
      Guard(act, [](const char *) {});  // without memory; what is to be ended is tried again
      PyErr_Clear();
    }
    PyThreadState_Clear(state);
    PyEval_SaveThread();
    PyThreadState_Delete(state);
  }
  seen.warned |= must_warn;
  seen.printed |= must_print;
  // Code that catches the exception gets it again.
  if (must_end) seen.end_again_ms = elapsed + std::max(timeout, kStopTimeoutMs);
}

}  // namespace mmpy
