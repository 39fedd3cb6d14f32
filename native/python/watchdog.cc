#include "python/watchdog.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "io/background_thread.h"
#include "io/stop_signals.h"
#include "python/interpreter.h"

namespace mmpy {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPeriod = std::chrono::milliseconds(25);
// Told by the watchdog itself after this long, since what runs may never return to where reports are read.
constexpr uint64_t kStuckMs = 1000;
// What runs when a signal to stop comes gets this long to return.
constexpr uint64_t kStopTimeoutMs = 500;

}  // namespace

// What the watchdog knows of the call that it is looking at.
struct Watchdog::Observation {
  uint64_t call = 0;
  Clock::time_point since;
  bool warned = false;
  bool told = false;
  uint64_t end_again_ms = 0;  // of the call's time: it is not to be ended before that
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
      seen.warned = seen.told = false;
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
  const Tell tell = tell_.load(std::memory_order_relaxed);

  // What runs keeps the signal from being seen.
  const bool stopping = seen.stop_seen && elapsed >= kStopTimeoutMs && since(seen.stop_since) >= kStopTimeoutMs;
  const bool over_time = timeout != 0 && elapsed >= timeout;
  const bool must_warn = warn != 0 && !seen.warned && elapsed >= warn;
  const bool must_tell = warn != 0 && !seen.told && tell != Tell::kNothing && elapsed >= std::max(warn, kStuckMs);
  const bool must_end = (stopping || over_time) && elapsed >= seen.end_again_ms;
  if (!must_warn && !must_tell && !must_end) return;

  {
    const std::lock_guard<std::mutex> lock(inside_);
    // The same call still runs: so its interpreter lives, and goes on living while the lock is held.
    if (call_.load() != seen.call) return;
    PyThreadState *const state = PyThreadState_New(interpreter_.load());
    if (state == nullptr) return;
    PyEval_RestoreThread(state);
    // It may have returned while this thread waited for the GIL; if not, it stands still now.
    // It may also go on, and return, whenever Python code runs here for milliseconds.
    const auto runs = [&] { return call_.load() == seen.call; };
    if (runs()) {
      const Running running = *running_;
      const PyRef function = PyRef::Borrow(running.function);
      WatchedCode &code = *running.code;
      if (must_warn && running.limited) code.ReportSlow(running, elapsed);
      if (must_tell && running.limited && runs()) code.TellStuck(running, elapsed, tell);
      if (must_end && (stopping ? running.stoppable : running.limited)) {
        const PyRef interruption = code.Interruption(running, stopping ? 0 : timeout);
        if (interruption && runs()) RaiseInThread(interruption.get());
      }
      PyErr_Clear();
    }
    PyThreadState_Clear(state);
    PyEval_SaveThread();
    PyThreadState_Delete(state);
  }
  seen.warned |= must_warn;
  seen.told |= must_tell;
  // Code that catches the exception gets it again.
  if (must_end) seen.end_again_ms = elapsed + std::max(timeout, kStopTimeoutMs);
}

}  // namespace mmpy
