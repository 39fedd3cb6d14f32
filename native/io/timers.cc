#include "io/timers.h"

#include "io/guard.h"

namespace mmpy {

int Timers::Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &count) {
  loop_ = loop;
  return handle_.Open(count, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
}

Timers::TimerId Timers::Start(uint64_t delay_ms) {
  const TimerId timer = next_++;
  const uint64_t time = uv_now(loop_) + delay_ms;
  queue_.insert({time, timer});
  times_[timer] = time;
  if (queue_.begin()->second == timer) Arm(0);
  return timer;
}

bool Timers::Cancel(TimerId timer) {
  const auto place = times_.find(timer);
  if (place == times_.end()) return false;
  queue_.erase({place->second, timer});
  times_.erase(place);
  return true;
}

// For the first one to come, in `earliest_ms` at the earliest. A handle that comes for one that was cancelled finds
// nothing to do.
void Timers::Arm(uint64_t earliest_ms) {
  if (!handle_ || queue_.empty()) return;
  const uint64_t now = uv_now(loop_);
  const uint64_t time = queue_.begin()->first;
  uv_timer_start(
      handle_.get(),
      [](uv_timer_t *handle) {
        auto *const timers = static_cast<Timers *>(handle->data);
        if (timers != nullptr) timers->OnTimer();
      },
      time > now ? time - now : earliest_ms, 0);
}

void Timers::OnTimer() {
  const uint64_t now = uv_now(loop_);
  const TimerId started_meanwhile = next_;  // those wait for the next iteration
  while (!queue_.empty()) {
    const auto [time, timer] = *queue_.begin();
    if (time > now || timer >= started_meanwhile) break;
    Cancel(timer);
    Guard([&, timer = timer] { due_(timer); }, [](const char *) {});
    if (!handle_) return;  // closed by what was called
  }
  Arm(1);  // libuv before 1.45 calls what is started with 0 in the same iteration, without end
}

void Timers::Close() {
  handle_.Close();
  queue_.clear();
  times_.clear();
}

}  // namespace mmpy
