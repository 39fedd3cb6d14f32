// The thread that the watchdog has look into an interpreter, since getting the GIL may take forever.
#ifndef MMPY_INSPECTOR_H
#define MMPY_INSPECTOR_H

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
  static constexpr std::chrono::milliseconds kPatience{1000};

  // Starts the thread, once.
  void Start(Work work) {
    StartBackgroundThread([this, work = std::move(work)] { Run(work); });
  }

  // Has it inspect, and waits for it, but not for long; empty if it has not answered, or is still busy with an earlier
  // inspection.
  std::optional<Findings> Inspect(const Inspection &inspection) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (wanted_) return {};
    wanted_ = inspection;
    findings_ = {};
    changed_.notify_all();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    // Not wait_until() with a predicate alone, which needs a newer libstdc++ than supported systems have.
    while (wanted_ && std::chrono::steady_clock::now() < deadline)
      changed_.wait_for(lock, deadline - std::chrono::steady_clock::now());
    if (wanted_) return {};
    return findings_;
  }

 private:
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
  Findings findings_;
};

}  // namespace mmpy

#endif
