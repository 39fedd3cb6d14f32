// Calls intervals when they are due, as lib/engine/scheduler.ts does in the router: in phase with their start, without
// making up for calls that were missed.
#ifndef MMPY_CHILD_INTERVAL_CLOCK_H
#define MMPY_CHILD_INTERVAL_CLOCK_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "io/uv_handle.h"

namespace mmpy {

class IntervalClock {
 public:
  using Call = std::function<void(const std::vector<uint32_t> &intervals)>;
  IntervalClock(uv_loop_t *loop, Call call) : loop_(loop), call_(std::move(call)) {
    timer_.Open(std::make_shared<HandleCount>(), this, [&](uv_timer_t *timer) { return uv_timer_init(loop, timer); });
  }

  // As Scheduler.set(): a period of 0 cancels.
  void Set(uint32_t interval, double period_ms, double now_ms) {
    const auto known = std::find_if(all_.begin(), all_.end(), [&](const One &one) { return one.interval == interval; });
    if (period_ms == 0) {
      if (known != all_.end()) all_.erase(known);
    } else if (known == all_.end()) {
      all_.push_back({interval, period_ms, now_ms, now_ms + period_ms});
    } else if (known->period != period_ms) {
      // The new period counts from the last call, or from the start if there was none yet.
      known->start = known->next - known->period;
      known->period = period_ms;
      known->next = NextAfter(*known, now_ms);
    }
    Arm();
  }

  void Start() {
    running_ = true;
    const double now = Now();
    for (One &one : all_) {
      one.start = now;
      one.next = now + one.period;
    }
    Arm();
  }

  void Stop() {
    running_ = false;
    all_.clear();
    Arm();
  }

 private:
  struct One {
    uint32_t interval;
    double period, start, next;
  };

  double Now() const { return static_cast<double>(uv_now(loop_)); }
  static double NextAfter(const One &one, double now) {
    return one.start + (std::floor((now - one.start) / one.period) + 1) * one.period;
  }

  void Arm() {
    uv_timer_stop(timer_.get());
    if (!running_ || all_.empty()) return;
    double earliest = all_.front().next;
    for (const One &one : all_) earliest = std::min(earliest, one.next);
    const double wait = std::max(1.0, std::ceil(earliest - Now()));
    uv_timer_start(
        timer_.get(), [](uv_timer_t *timer) { static_cast<IntervalClock *>(timer->data)->Fire(); },
        static_cast<uint64_t>(wait), 0);
  }

  void Fire() {
    const double now = Now();
    std::vector<uint32_t> due;
    for (One &one : all_) {
      if (one.next > now) continue;
      due.push_back(one.interval);
      one.next = NextAfter(one, now);
    }
    if (!due.empty()) call_(due);
    Arm();
  }

  uv_loop_t *const loop_;
  const Call call_;
  UvHandle<uv_timer_t> timer_;
  std::vector<One> all_;  // in order of registration
  bool running_ = false;
};

}  // namespace mmpy

#endif
