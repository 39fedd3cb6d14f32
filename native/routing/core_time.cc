// What a core does by the clock: exact calls, filters, housekeeping.
#include <algorithm>
#include <cmath>

#include "io/steady_ms.h"
#include "routing/core.h"

namespace mmpy {

namespace {

// Of calls at exact times in one iteration of libuv's loop.
constexpr uint64_t kTimersNs = 10'000'000;

constexpr uint64_t kHousekeepingMs = 1000;

}  // namespace

void Core::SetTimer(Timetable::Call call, double ms, Timetable::Mode mode) {
  timetable_.Set(call, ms, mode, SteadyNs());
  SetAlarm();
}

// A thread leaves that to the loop's.
void Core::SetAlarm() {
  if (!OnLoopThread()) return Wake();
  if (state_ == State::kRunning) alarm_.Set(std::min(timetable_.next_ns(), steps_due_ns_));
  if (state_ == State::kEnding) alarm_.Set(steps_due_ns_);
}

void Core::OnAlarm() {
  Guarded([&] {
    const Entry entry(*this);
    if (state_ != State::kRunning && state_ != State::kEnding) return;
    // What is set meanwhile is due later than that.
    const uint64_t now = SteadyNs();
    if (steps_due_ns_ <= now) {
      steps_due_ns_ = kNever;
      for (Destination *const instance : with_code_) steps_due_ns_ = std::min(steps_due_ns_, instance->WakeStep(now));
      WantSteps();
    }
    // Any number may be due at once: sockets and signals have their turn in between.
    const uint64_t until = now + kTimersNs;
    while (state_ == State::kRunning) {
      const auto call = timetable_.Take(now);
      if (!call) break;
      Try([&] { instances_[call->instance]->OnTimer(call->timer); });
      if (SteadyNs() >= until) break;
    }
    SetAlarm();
  });
}

void Core::StartHousekeeping() {
  if (!housekeeping_ || uv_is_active(reinterpret_cast<uv_handle_t *>(housekeeping_.get())) != 0) return;
  uv_timer_start(
      housekeeping_.get(),
      [](uv_timer_t *timer) {
        auto *core = static_cast<Core *>(timer->data);
        if (core == nullptr) return;
        core->Guarded([&] {
          const Entry entry(*core);
          bool again = false;
          for (size_t id = 0; id < core->instances_.size(); ++id) again |= core->instances_[id]->Housekeep();
          again |= core->router_.Shrink();
          if (!again) uv_timer_stop(timer);
        });
      },
      kHousekeepingMs, kHousekeepingMs);
}

// Filters see the time of this iteration of the loop. A thread that outputs while the loop's thread is elsewhere may
// come long after the last one.
double Core::FilterNow() const {
  const uint64_t now = now_ms();
  return static_cast<double>(entered() ? now : std::max(now, uv_hrtime() / 1'000'000));
}

// On the loop's thread, on the way out.
void Core::ArmFilters() {
  const double due = router_.next_filter_due();
  if (due == armed_for_ || !filter_timer_) return;
  armed_for_ = due;
  if (due == Filters::kNever) {
    uv_timer_stop(filter_timer_.get());
    return;
  }
  const double wait = std::max(std::ceil(due) - static_cast<double>(uv_now(loop_)), 0.0);
  uv_timer_start(
      filter_timer_.get(),
      [](uv_timer_t *timer) {
        auto *core = static_cast<Core *>(timer->data);
        if (core == nullptr) return;
        core->Guarded([&] {
          const Entry entry(*core);
          core->armed_for_ = Filters::kNever;
          core->router_.RunFilters(static_cast<double>(core->now_ms()));
        });
      },
      static_cast<uint64_t>(wait), 0);
}

}  // namespace mmpy
