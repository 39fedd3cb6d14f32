// The way into a core and out of it: the lock; on the way out the queue is drained, tasks get steps, and JavaScript is
// told.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "io/forked.h"
#include "routing/core.h"

namespace mmpy {

namespace {

// Long enough that going round the loop (a few µs) hardly costs, short enough for what waits for a time.
constexpr uint64_t kSliceNs = 500'000;

// Of the steps of all instances together, and at least of each.
constexpr uint64_t kMinStepNs = 100'000;

// What a promise emits may lead to another promise, and libuv waits until none is left.
constexpr unsigned kMaxEmitsInARow = 16;

// Told one event at a time, to see what each leads to, they take a multiple of the time.
constexpr size_t kMaxToldSingly = 1024;

// As CPython's own switch interval; and what a thread takes to wake up.
constexpr uint64_t kThreadsTurnMs = 5;
constexpr std::chrono::microseconds kWaking(50);

}  // namespace

// A way to the lock. Any one will do; whatever runs Python switches to its own thread state. But a thread that computes
// hands the GIL over only to those that ask with a state of its own interpreter, up to CPython 3.12: so rather that of
// an instance with threads.
CodeLock *Core::Entrance() const {
  for (size_t i = 0; i < with_code_.size(); ++i) {
    CodeLock *const lock = with_code_[(entrance_ + i) % with_code_.size()]->code();
    if (lock->usable()) return lock;
  }
  return nullptr;
}

// With the lock, on the way out, at most once a millisecond.
void Core::LookForThreads() {
  if (now_ms() == looked_for_ms_) return;
  looked_for_ms_ = now_ms();
  // It took long to get in: somebody else's threads compute.
  const uint64_t requests = lock_->requests();
  const size_t first = requests == requests_seen_ ? 0 : 1;
  requests_seen_ = requests;
  threads_ = false;
  for (size_t i = 0; i < with_code_.size(); ++i) {
    const size_t at = (entrance_ + first + i) % with_code_.size();
    const CodeLock &lock = *with_code_[at]->code();
    if (!lock.usable() || !lock.HasThreads()) continue;
    threads_ = true;
    entrance_ = at;
    return;
  }
}

// Between slices of a backlog the lock is free for so short that a thread which waits for it would hardly ever get it.
void Core::LetThreadsRun() {
  if (!threads_ || uv_now(loop_) - threads_let_run_ms_ < kThreadsTurnMs) return;
  threads_let_run_ms_ = uv_now(loop_);
  std::this_thread::sleep_for(kWaking);
}

void Core::KeepBacklog(bool backlog) {
  backlog_ = backlog;
  if (!idle_) return;
  if (backlog_) {
    uv_idle_start(idle_.get(), [](uv_idle_t *idle) {
      auto *core = static_cast<Core *>(idle->data);
      if (core == nullptr) return;
      core->Guarded([&] {
        core->LetThreadsRun();
        const Entry entry(*core, Entry::Purpose::kBacklog);
      });
    });
  } else {
    uv_idle_stop(idle_.get());
  }
}

void Core::Enter() {
  if (depth_ == 0) {
    now_ms_.store(uv_now(loop_), std::memory_order_relaxed);
    lock_ = Entrance();
    if (lock_ != nullptr) lock_->Take();
    ++depth_;
    TakeIn();
    return;
  }
  ++depth_;  // the outermost entry has the lock
}

void Core::Leave() {
  --depth_;
  if (depth_ == 0 && lock_ != nullptr) lock_->Release();
}

void Core::CountReport(InstanceId instance, Report::Kind kind, std::string_view role) {
  if (instance >= instances_.size()) return;
  Counters &counters = instances_[instance]->counters;
  if (kind == Report::Kind::kException) ++counters.raised[Counters::KindOf(role)];
  if (kind == Report::Kind::kSlow) ++counters.slow;
}

void Core::AddReport(Report report) {
  CountReport(report.instance, report.kind, report.role);
  if (!news_.HasRoom(kMaxReports, kMaxReportBytes)) {
    ++news_.reports_lost;
    return Note("reports are lost: there are too many");
  }
  Bound(report);
  const size_t bytes = BytesOf(report);
  news_.reports.push_back(std::move(report));
  news_.report_bytes += bytes;
}

// Throws nothing: what a slice has left is to be kept.
void Core::CollectNews() {
  const auto lost = [&](InstanceId instance, uint64_t count) {
    instances_[instance]->counters.lost += count;
    Tell([&] { return Report{Report::Kind::kEventsLost, instance, "", "", "", static_cast<double>(count)}; });
  };
  for (Outgoing *outgoing : outgoing_) {
    const uint64_t count = outgoing->events.TakeLost();
    if (count > 0) lost(outgoing->instance, count);
  }
  if (router_.has_losses()) router_.TakeLosses(lost);
  if (router_.has_filter_losses()) {
    const auto count = static_cast<double>(router_.TakeFilterLosses());
    Tell([&] { return Report{Report::Kind::kDelaysLost, 0, "", "", "", count}; });
  }
  if (router_.loop_found()) news_.loop = router_.TakeLoop();
}

// Without the lock. What goes wrong with some events does not hold up others, or have any told twice.
void Core::TellOutside() {
  const auto failed = [&](const char *what) { Failed(what); };
  // Nothing is appended meanwhile, since nothing drains; instances that callbacks add have no events yet, but their
  // place here is reserved. After a stop, and if an instance retires, the rest of its events is not told.
  for (size_t i = 0; i < outgoing_.size(); ++i) {  // NOLINT(modernize-loop-convert)
    Outgoing *const outgoing = outgoing_[i];
    const EventColumns &events = outgoing->events;
    for (size_t told = 0; told < events.size() && state_ == State::kRunning;) {
      const bool singly = router_.traces() && told < kMaxToldSingly;
      const size_t count = singly ? 1 : events.size() - told;
      const ChannelId cause = outgoing->first_channel + events.channels()[told];
      const size_t before = incoming_.size();
      Guard(
          [&] {
            listener_.Deliver(outgoing->instance, events.channels() + told, events.values() + told, count);
            if (!singly) return;
            const size_t known = std::min(before, incoming_.size());  // an entry may have taken them in
            router_.NoteEffects(cause, incoming_, known);
          },
          failed);
      told += count;
    }
    outgoing->events.Clear();
    outgoing->is_queued = false;
  }
  outgoing_.clear();
  if (!told_.empty()) {
    Guard([&] { listener_.Tapped(told_.channels(), told_.values(), told_.size()); }, failed);
    told_.Clear();
  }
  if (told_.TakeLost() > 0) Failed("events for a tap are lost: out of memory");
  if (incoming_.TakeLost() > 0) Failed("events of a backend are lost: out of memory");
}

// With the lock. Each instance in turn: what one leaves waits until all have had theirs.
void Core::RunSteps() {
  steps_wanted_ = false;
  size_t count = 0;
  for (const Destination *const instance : with_code_) count += instance->wants_step() ? 1 : 0;
  const uint64_t budget = std::max(kSliceNs / std::max<size_t>(count, 1), kMinStepNs);
  bool more = false;
  // NOLINTNEXTLINE(modernize-loop-convert): it may run any code
  for (size_t i = 0; i < with_code_.size(); ++i) {
    if (with_code_[i]->wants_step()) more |= with_code_[i]->Step(budget);
  }
  steps_wanted_ |= more;
}

// From the outermost entry, with the lock; without it afterwards.
void Core::LeaveAndTell(bool may_drain) {
  auto slice = Router::Slice::kNew;
  for (bool again = false;; again = true) {
    auto drained = Router::Drained::kEmpty;
    const auto step = [&] {
      const bool steps = may_drain && steps_wanted_ && MayStep();
      if (steps) RunSteps();
      return steps;
    };
    // In a backlog, what a task waited for may have come during the last slice: it does not wait for another.
    bool steps = backlog_ && !again && step();
    // Again also when nothing is queued: it looks at the clock.
    bool drains = may_drain && MayDrain() && (again || !router_.empty());
    const auto drain = [&] {
      drained = router_.Drain(kSliceNs, slice);
      slice = Router::Slice::kSame;
    };
    if (drains) drain();
    if (!steps && step()) {
      steps = true;
      if (drained == Router::Drained::kEmpty && MayDrain() && !router_.empty()) {
        drains = true;
        drain();
      }
    }
    if (state_ == State::kEnding && !router_.empty()) router_.Clear();
    const bool empty = idle_since_entry_ = router_.empty();
    const bool goes_on = (drained == Router::Drained::kOutOfTime && !empty) || (steps_wanted_ && MayStep());
    CollectNews();
    if (router_.budget().TakeGrown()) StartHousekeeping();
    if (lock_ != nullptr) LookForThreads();
    ArmFilters();
    News news = news_.empty() ? News() : std::exchange(news_, {});
    // While held, numbers of channels change before their names do.
    if (!held_) std::swap(tapped_, told_);
    Leave();
    // A slice may also end with nothing left, and what was left may be gone: there is nothing to go on with then.
    if (drains || steps || (backlog_ && empty)) KeepBacklog(goes_on);
    const bool tells = !outgoing_.empty() || !told_.empty() || !news.empty();
    if (tells) {
      telling_ = true;
      TellOutside();
      if (news.failure != nullptr) Failed(news.failure);
      if (!news.empty()) listener_.Tell(std::move(news));
      telling_ = false;
    }
    if (incoming_.empty() && !more_) {
      if (empty) router_.Rest();
      return;
    }
    more_ = false;
    may_drain = may_drain && drained == Router::Drained::kEmpty;
    if (!may_drain || !MayDrain()) {
      // Those who drain later find it; what else an entry has left is to be told.
      Wake();
      return;
    }
    Enter();
  }
}

Core::Entry::Entry(Core &core, Purpose purpose) : core_(core), purpose_(purpose) { core_.Enter(); }

Core::Entry::~Entry() {
  EndIfForked();  // by a finalizer or another function of user code that is not called as such
  Core &core = core_;
  if (core.depth_ > 1) {
    core.Leave();
    return;
  }
  if (core.telling_) {
    core.more_ = true;
    core.Leave();
    return;
  }
  core.emits_in_a_row_ = purpose_ == Purpose::kEmit ? core.emits_in_a_row_ + 1 : 0;
  // While there is a backlog, other entries only queue: the backlog's slices keep the order.
  const bool backlog_elsewhere = core.backlog_ && purpose_ != Purpose::kBacklog;
  const bool too_often = core.emits_in_a_row_ > kMaxEmitsInARow;
  const bool is_left = (core.MayDrain() && !core.router_.empty()) || (core.steps_wanted_ && core.MayStep());
  if (too_often && !backlog_elsewhere && is_left) core.KeepBacklog(true);
  Guard([&] { core.LeaveAndTell(!backlog_elsewhere && !too_often); },
        [&](const char *what) {
          core.telling_ = false;
          if (core.depth_ > 0) core.Leave();
          core.listener_.Failed(what);
        });
}

}  // namespace mmpy
