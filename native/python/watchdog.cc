#include "python/watchdog.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "io/background_thread.h"
#include "io/guard.h"
#include "io/steady_ms.h"
#include "io/stop_signals.h"
#include "io/stream_writer.h"
#include "python/interpreter.h"

namespace mmpy {

namespace {

constexpr auto kPeriod = std::chrono::milliseconds(25);
// After this time the watchdog itself prints a message, since the code may never return to where reports are read.
constexpr uint64_t kStuckMs = 1000;
// Code that is running when a stop signal arrives gets this long to return.
constexpr uint64_t kStopTimeoutMs = 500;
// After this time the log says what the stop waits for.
constexpr uint64_t kTellStopMs = 100;
// Code that can't be ended at the moment is looked at again.
constexpr uint64_t kAgainMs = 100;
// After a stop signal, a call that neither returns nor can be ended gets this long, and the whole stop this long: less
// than what the unit for systemd allows. Cleanup handlers count as part of the stop.
constexpr uint64_t kEndCallMs = 5000;
constexpr uint64_t kEndStopMs = 18000;
constexpr int kExitStatus = 3;
// A sleep that takes this much longer: the process was suspended, and the observed code has not run meanwhile either.
constexpr uint64_t kSuspendedMs = Inspector::kSuspended.count();

}  // namespace

// The watchdog's knowledge of the call that it observes.
struct Watchdog::Observation {
  uint64_t call = 0;
  uint64_t since_ms = 0;
  bool warned = false;
  bool printed = false;
  uint64_t print_again_ms = 0;  // elapsed time before which printing is not tried again
  uint64_t end_again_ms = 0;    // likewise for ending it
  uint64_t stop_since_ms = 0;   // 0 before the signal
  bool stop_told = false;       // it has been said what the stop waits for
  // For how long the process was suspended before this deadline, which several calls may have in common.
  uint64_t until_ms = 0;
  uint64_t until_later_ms = 0;

  void Suspended(uint64_t gap_ms, uint64_t until) {
    since_ms += gap_ms;
    if (stop_since_ms != 0) stop_since_ms += gap_ms;
    if (until != until_ms) until_later_ms = 0;
    until_ms = until;
    until_later_ms += gap_ms;
  }
};

void Watchdog::Start() {
  inspector_.Start([this](const Inspection &inspection, Findings &findings) { LookInside(inspection, findings); });
  StartBackgroundThread([this] { Run(); });
}

void Watchdog::Run() {
  Observation seen;
  for (;;) {
    const uint64_t before = SteadyMs();
    std::this_thread::sleep_for(kPeriod);
    const uint64_t gap = SteadyMs() - before;
    if (gap >= kSuspendedMs) seen.Suspended(gap, until_ms_.load(std::memory_order_relaxed));
    try {
      Observe(seen);
    } catch (const std::bad_alloc &) {  // the next time may be better
    }
  }
}

void Watchdog::Observe(Observation &seen) {
  if (seen.stop_since_ms == 0 && StopSignalSeen()) seen.stop_since_ms = SteadyMs();
  const uint64_t call = call_.load(std::memory_order_relaxed);
  if (call == 0 || call != seen.call) {
    Observation next;
    next.call = call;
    next.since_ms = SteadyMs();
    next.stop_since_ms = seen.stop_since_ms;
    next.stop_told = seen.stop_told;
    next.until_ms = seen.until_ms;
    next.until_later_ms = seen.until_later_ms;
    seen = next;
  } else {
    Look(seen);
  }
  if (seen.stop_since_ms != 0) EndProcessIfOverdue(seen);
}

void Watchdog::Look(Observation &seen) {
  const uint64_t now = SteadyMs();
  // The call began up to one period before it was first seen.
  const uint64_t elapsed = now - seen.since_ms + kPeriod.count();
  const uint64_t warn = warn_ms_.load(std::memory_order_relaxed);
  const uint64_t until = until_ms_.load(std::memory_order_relaxed);
  const uint64_t stopping_for = seen.stop_since_ms == 0 ? 0 : now - seen.stop_since_ms;

  Inspection due;
  due.call = seen.call;
  due.elapsed_ms = elapsed;
  due.timeout_ms = timeout_ms_.load(std::memory_order_relaxed);
  due.report = warn != 0 && !seen.warned && elapsed >= warn;
  due.print =
      !seen.printed && elapsed >= std::max({warn, kStuckMs, seen.print_again_ms}) && (stopping_for == 0 || until != 0);
  due.describe = !seen.stop_told && until == 0 && stopping_for >= kTellStopMs;
  if (elapsed >= seen.end_again_ms) {
    // The running code keeps JavaScript from seeing the signal.
    due.stopping = elapsed >= kStopTimeoutMs && stopping_for >= kStopTimeoutMs;
    due.over_time = due.timeout_ms != 0 && elapsed >= due.timeout_ms;
    due.overdue = until != 0 && now >= until + (until == seen.until_ms ? seen.until_later_ms : 0);
  }
  if (!due.report && !due.print && !due.describe && !due.stopping && !due.over_time && !due.overdue) return;

  if (interpreter_.load(std::memory_order_relaxed) == nullptr) {
    if (due.print) Print(LogLevel::kWarn, NameOfCode() + " has not ended after " + std::to_string(elapsed) + " ms");
    seen.printed |= due.print;
    if (due.describe) TellStop(seen, NameOfCode(), "");
    return;
  }
  uint64_t suspended_ms = 0;
  const std::optional<Findings> found = inspector_.Inspect(due, suspended_ms);
  if (suspended_ms != 0) seen.Suspended(suspended_ms, until);
  if (!found) {
    // Its patience has ended, or an earlier one's: printed once for this call.
    if (due.print && warn != 0) {
      Print(LogLevel::kWarn, NameOfCode() + " runs code that " + WhyUnseen() + ", for " + std::to_string(elapsed) +
                                 " ms, while everything else in its process waits");
      seen.printed = true;
    }
    if (due.describe) TellStop(seen, NameOfCode() + ", which " + WhyUnseen(), "");
    return;
  }
  if (due.describe && found->runs) TellStop(seen, found->subject, found->stack);
  seen.warned |= due.report;
  seen.printed |= found->printed;
  if (due.print) seen.print_again_ms = elapsed + kStopTimeoutMs;
  // Code that catches the exception gets it again.
  if (found->interrupted) {
    seen.end_again_ms = elapsed + std::max(due.timeout_ms, kStopTimeoutMs);
  } else if (due.stopping || due.over_time || due.overdue) {
    seen.end_again_ms = elapsed + kAgainMs;
  }
}

// Once, so that users know what they are waiting for.
void Watchdog::TellStop(Observation &seen, const std::string &what, const std::string &stack) const {
  seen.stop_told = true;
  Print(LogLevel::kWarn, std::string(StopSignalName()) + ": waiting for " + what +
                             " to return; it is interrupted if that is possible, otherwise the process ends after " +
                             std::to_string(kEndCallMs / 1000) + " s" + (stack.empty() ? "" : "\n" + stack));
}

// On the inspector's thread.
void Watchdog::LookInside(const Inspection &due, Findings &findings) {
  const std::lock_guard<std::mutex> lock(inside_);
  // If the same call is still running, its interpreter exists, and will while the lock is held. Read before: the call
  // may return at any time, and be followed by a start, which has none.
  PyInterpreterState *const interpreter = interpreter_.load();
  if (interpreter == nullptr || call_.load() != due.call) return;
  PyThreadState *const state = PyThreadState_New(interpreter);
  if (state == nullptr) return;
  PyEval_RestoreThread(state);
  inspector_.Inside();
  // It may have returned while this thread waited for the GIL; if not, it is suspended now.
  // It may also continue, and return, whenever Python code runs here for milliseconds.
  const auto runs = [&] { return call_.load() == due.call; };
  if (runs()) {
    findings.runs = true;
    const Running running = *running_;
    const PyRef function = PyRef::Borrow(running.function);
    WatchedCode &code = *running.code;
    const auto look = [&] {
      if (due.report && running.limited) code.ReportSlow(running, due.elapsed_ms);
      const bool is_limited = running.limited && running.print_ms == 0;
      const bool prints = due.print && (is_limited ? warn_ms_.load() != 0 : due.elapsed_ms >= running.print_ms);
      if (prints && runs()) {
        Print(LogLevel::kWarn, code.StuckText(running, due.elapsed_ms));
        findings.printed = true;
      }
      if (due.describe && runs()) {
        findings.subject = code.Subject(running);
        findings.stack = code.Stack();
      }
      const bool stops = (due.stopping && running.stoppable) || due.overdue;
      if ((stops || (due.over_time && running.limited)) && runs()) {
        const PyRef interruption = code.Interruption(running, stops ? 0 : due.timeout_ms);
        if (interruption && runs() && RaiseInThread(interruption.get())) {
          raised_ = findings.interrupted = true;
          raised_in_ = PyLong_AsUnsignedLongMask(PyTuple_GetItem(interruption.get(), 0));
        }
      }
    };
    Guard(look, [](const char *) {});  // without memory; what is to be ended is tried again
    PyErr_Clear();
  }
  PyThreadState_Clear(state);
  PyEval_SaveThread();
  PyThreadState_Delete(state);
}

// The call that was to be ended has returned first: what comes next must not get its exception.
void Watchdog::TakeBack() {
  raised_ = false;
  PyThreadState_SetAsyncExc(raised_in_, nullptr);
}

void Watchdog::EndProcessIfOverdue(const Observation &seen) {
  const uint64_t now = SteadyMs();
  const uint64_t stopping_for = now - seen.stop_since_ms;
  const bool same_call = seen.call != 0 && now - seen.since_ms >= kEndCallMs - kStopTimeoutMs &&
                         until_ms_.load(std::memory_order_relaxed) == 0;
  if (stopping_for < (same_call ? kEndCallMs : kEndStopMs)) return;
  std::string what = "the stop has not ended";
  std::string stack;
  if (seen.call != 0 && interpreter_.load(std::memory_order_relaxed) == nullptr) {
    what = NameOfCode() + " has not ended";
  } else if (seen.call != 0) {
    Inspection inspection;
    inspection.call = seen.call;
    inspection.describe = true;
    uint64_t suspended_ms = 0;
    const std::optional<Findings> found = inspector_.Inspect(inspection, suspended_ms);
    if (found && !found->runs) return;  // it has just returned
    what = found ? found->subject + " has not returned, and can't be interrupted,"
                 : NameOfCode() + " runs code that " + WhyUnseen() + ",";
    if (found && !found->stack.empty()) stack = "\n" + found->stack;
  }
  Print(LogLevel::kError, what + " " + std::to_string(stopping_for / 1000) + " s after " + StopSignalName() +
                              "; the process ends without cleanup handlers that have not run, exit status " +
                              std::to_string(kExitStatus) + stack);
  FlushStandardStreams();
  _exit(kExitStatus);
}

// What is said of code of which the inspector has told nothing.
const char *Watchdog::WhyUnseen() {
  return inspector_.IsInside() ? "could not be looked into" : "has not handed over Python's lock, the GIL";
}

void Watchdog::Print(LogLevel level, const std::string &message) const {
  if (level == LogLevel::kError || !only_errors_.load()) WriteLogLine(format_.load(), level, message);
}

void Watchdog::Name(PyInterpreterState *interpreter, const std::string &name) {
  const std::lock_guard<std::mutex> lock(names_mutex_);
  if (name.empty()) {
    names_.erase(interpreter);
  } else {
    names_[interpreter] = name;
  }
}

std::string Watchdog::NameOfCode() {
  const std::lock_guard<std::mutex> lock(names_mutex_);
  PyInterpreterState *const interpreter = interpreter_.load();
  if (interpreter == nullptr) return starting_;
  const auto place = names_.find(interpreter);
  return place == names_.end() ? "an instance" : "instance '" + place->second + "'";
}

WatchedStart::WatchedStart(Watchdog &watchdog, const std::string &what) : watchdog_(watchdog) {
  {
    const std::lock_guard<std::mutex> lock(watchdog.names_mutex_);
    watchdog.starting_ = what;
  }
  watchdog.interpreter_.store(nullptr);
  watchdog.call_.store(++watchdog.count_);
}

WatchedStart::~WatchedStart() { watchdog_.call_.store(0); }

}  // namespace mmpy
