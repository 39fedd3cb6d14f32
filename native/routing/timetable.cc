#include "routing/timetable.h"

#include <algorithm>
#include <cmath>

namespace mmpy {

namespace {

// Thirty years: longer times are not distinguished, and the sum with any time of the clock fits.
constexpr double kMaxNs = 1e18;

uint64_t Sum(uint64_t time_ns, double span_ns) { return time_ns + static_cast<uint64_t>(std::llround(span_ns)); }

}  // namespace

uint64_t Timetable::DueAfter(const Timer &timer, uint64_t now_ns) {
  if (now_ns < timer.start_ns) return Sum(timer.start_ns, timer.period_ns);
  double calls = std::floor(static_cast<double>(now_ns - timer.start_ns) / timer.period_ns) + 1;
  uint64_t due = Sum(timer.start_ns, calls * timer.period_ns);
  while (due <= now_ns) due = Sum(timer.start_ns, ++calls * timer.period_ns);  // by rounding
  return due;
}

// Not erase() and insert(), which could fail.
void Timetable::Move(Timers::value_type &timer, uint64_t next_ns) {
  auto node = queue_.extract(PlaceOf(timer));
  timer.second.next_ns = next_ns;
  node.value() = PlaceOf(timer);
  queue_.insert(std::move(node));
}

void Timetable::Set(Call call, double ms, Mode mode, uint64_t now_ns) {
  const double period_ns = std::min(ms * 1e6, kMaxNs);
  const auto [place, is_new] = timers_.try_emplace({call.instance, call.timer},
                                                   Timer{mode, next_order_, period_ns, now_ns, Sum(now_ns, period_ns)});
  Timer &timer = place->second;
  if (is_new) {
    try {
      queue_.insert(PlaceOf(*place));
    } catch (...) {
      timers_.erase(place);
      throw;
    }
    ++next_order_;
    return;
  }
  if (mode == Mode::kOnce || timer.mode == Mode::kOnce) {
    timer = {mode, timer.order, period_ns, now_ns, timer.next_ns};
    return Move(*place, Sum(now_ns, period_ns));
  }
  if (timer.period_ns == period_ns) return;
  const auto before_ns = static_cast<uint64_t>(std::llround(timer.period_ns));
  timer.start_ns = timer.next_ns - std::min(timer.next_ns, before_ns);
  timer.period_ns = period_ns;
  Move(*place, DueAfter(timer, now_ns));
}

void Timetable::Cancel(Call call) {
  const auto place = timers_.find({call.instance, call.timer});
  if (place == timers_.end()) return;
  queue_.erase(PlaceOf(*place));
  timers_.erase(place);
}

void Timetable::Start(uint64_t now_ns) {
  for (Timers::value_type &timer : timers_) {
    timer.second.start_ns = now_ns;
    Move(timer, Sum(now_ns, timer.second.period_ns));
  }
}

std::optional<Timetable::Call> Timetable::Take(uint64_t now_ns) {
  if (next_ns() > now_ns) return {};
  Timers::value_type &timer = *queue_.begin()->second.second;
  const Call call{timer.first.first, timer.first.second};
  if (timer.second.mode == Mode::kOnce) {
    Cancel(call);
  } else {
    Move(timer, DueAfter(timer.second, now_ns));
  }
  return call;
}

}  // namespace mmpy
