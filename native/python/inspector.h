// The thread that the watchdog has look into an interpreter, since getting the GIL may take forever.
#ifndef MMPY_INSPECTOR_H
#define MMPY_INSPECTOR_H

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "io/background_thread.h"

namespace mmpy {

class WatchedCode;

// What to do about a call, if it is still the running one.
struct Inspection {
  uint64_t call = 0;
  uint64_t elapsed_ms = 0;
  bool report = false;     // as slow
  bool print = false;      // that it does not return
  bool over_time = false;  // end it, if it is limited
  bool stopping = false;   // end it, if a signal to stop does
  bool overdue = false;    // end it
  bool describe = false;
  uint64_t timeout_ms = 0;
};

// What has been done.
struct Findings {
  bool runs = false;  // it was still the running call
  bool printed = false;
  bool interrupted = false;
  std::string subject;  // if it was to be described
  std::string stack;
};

class Inspector {
 public:
  using Work = std::function<void(const Inspection &, Findings &)>;
  // For the GIL, and for all of an inspection that has it: reading a stack for the first time imports modules, which
  // takes seconds on a slow machine.
  static constexpr std::chrono::milliseconds kPatience{1000};
  static constexpr std::chrono::milliseconds kPatienceInside{5000};
  // A wait that takes this much longer: the process was suspended.
  static constexpr std::chrono::milliseconds kSuspended{500};

  // Starts the thread, once.
  void Start(Work work) {
    StartBackgroundThread([this, work = std::move(work)] { Run(work); });
  }

  // Has it inspect, and waits for it, but not for long; empty if it has not answered, or is still busy with an earlier
  // inspection. Adds to `suspended_ms` the time for which the process was suspended meanwhile.
  std::optional<Findings> Inspect(const Inspection &inspection, uint64_t &suspended_ms) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (wanted_) return {};
    wanted_ = inspection;
    inside_ = false;
    findings_ = {};
    changed_.notify_all();
    auto waited = std::chrono::milliseconds(0);
    while (wanted_ && waited < (inside_ ? kPatienceInside : kPatience)) {
      const auto before = std::chrono::steady_clock::now();
      changed_.wait_for(lock, kSlice);
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - before);
      if (took >= kSlice + kSuspended) suspended_ms += took.count();
      waited += std::min(took, kSlice);
    }
    if (wanted_) return {};
    return findings_;
  }

  // To be called by the work once it has the GIL.
  void Inside() {
    const std::lock_guard<std::mutex> lock(mutex_);
    inside_ = true;
  }
  // Whether the inspection that has not answered has the GIL.
  bool IsInside() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return inside_;
  }

 private:
  static constexpr std::chrono::milliseconds kSlice{100};

  void Run(const Work &work) {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      while (!wanted_) changed_.wait_for(lock, std::chrono::hours(1));
      const Inspection inspection = *wanted_;
      lock.unlock();
      Findings findings;
      work(inspection, findings);
      lock.lock();
      findings_ = std::move(findings);
      wanted_.reset();
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Inspection> wanted_;  // until it is done
  bool inside_ = false;
  Findings findings_;
};

}  // namespace mmpy

#endif
