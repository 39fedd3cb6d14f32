#include "routing/core.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <thread>
#include <utility>

#include "io/forked.h"
#include "io/steady_ms.h"
#include "routing/reserve.h"

namespace mmpy {

namespace {

// Long enough that going round the loop (a few µs) hardly costs, short enough for interval jitter and signals.
constexpr uint64_t kSliceNs = 1'000'000;

// Of the steps of all instances together, and at least of each.
constexpr uint64_t kMinStepNs = 200'000;

constexpr uint64_t kHousekeepingMs = 1000;

// How long a stop waits for cleanup handlers and other user code of all instances together; then for threads.
constexpr uint64_t kStopCodeMs = 8000;

// What a promise emits may lead to another promise, and libuv waits until none is left.
constexpr unsigned kMaxEmitsInARow = 16;

// What JavaScript emits while it is told waits for the lock, but not all that there may be.
constexpr size_t kMaxIncoming = 65536;

// Told one event at a time, to see what each leads to, they take a multiple of the time.
constexpr size_t kMaxToldSingly = 1024;

// As CPython's own switch interval; and what a thread takes to wake up.
constexpr uint64_t kThreadsTurnMs = 5;
constexpr std::chrono::microseconds kWaking(50);

}  // namespace

Core::Core(uv_loop_t *loop, CoreListener &listener) : loop_(loop), listener_(listener), now_ms_(uv_now(loop)) {
  // Without it, exact times come late or never: there are no descriptors left, and then nothing goes.
  alarm_.Open(loop, handles_);
  // These three inits cannot fail but for running out of descriptors (async), and then the first Wake() is lost only.
  wake_.Open(handles_, this, [&](uv_async_t *handle) {
    return uv_async_init(loop, handle, [](uv_async_t *async) {
      if (auto *core = static_cast<Core *>(async->data)) {
        core->Guarded([&] { const Entry entry(*core); });
      }
    });
  });
  idle_.Open(handles_, this, [&](uv_idle_t *handle) { return uv_idle_init(loop, handle); });
  housekeeping_.Open(handles_, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
  filter_timer_.Open(handles_, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
  router_.UseClock(this);
}

Core::~Core() = default;

// What an instance is being delivered would move.
void Core::RefuseIfEntered() const {
  if (depth_ > 0) throw std::logic_error("the core can't be changed from within itself, while it delivers events");
}

InstanceId Core::Add(std::unique_ptr<Destination> destination) {
  RefuseIfEntered();
  const Entry entry(*this);  // threads may output meanwhile
  const auto id = static_cast<InstanceId>(instances_.size());
  Destination *const added = destination.get();
  const size_t count = instances_.size() + 1;
  // Nothing fails once the router knows it.
  ReserveFor(instances_, count);
  ReserveFor(with_code_, count);
  ReserveFor(outgoing_, count);
  router_.AddInstance(added);
  instances_.push_back(std::move(destination));
  if (added->code() != nullptr) with_code_.push_back(added);
  return id;
}

void Core::Connect(const std::vector<ChannelId> &first_channels, std::vector<uint32_t> offsets,
                   const std::vector<ChannelId> &targets, RawFilters filters) {
  RefuseIfEntered();
  const Entry entry(*this);  // threads may output meanwhile
  std::vector<InstanceId> owner(offsets.size() - 1);
  const auto end_of = [&](InstanceId id) {
    return id + 1 < first_channels.size() ? first_channels[id + 1] : owner.size();
  };
  for (InstanceId id = 0; id < instances_.size(); ++id) {
    for (size_t channel = first_channels[id]; channel < end_of(id); ++channel) owner[channel] = id;
  }
  std::vector<Target> rows;
  rows.reserve(targets.size());
  for (const ChannelId channel : targets) {
    if ((channel & kFiltered) == 0) {
      rows.push_back({channel, owner[channel]});
    } else {
      rows.push_back({channel & ~kFiltered, Router::kWithFilters});
    }
  }
  if (!filters.table.Fill(filters.pairs, filters.chain_offsets, filters.steps, owner)) {
    throw std::invalid_argument("filters that are not sound");
  }
  Router::Mapping mapping =
      router_.Prepare(first_channels, std::move(offsets), std::move(rows), std::move(filters.table));
  // Without this, events that were emitted before would be told under the names of other channels.
  tapped_.Renumber(Router::kNoChannel, [&](ChannelId channel) {
    const auto [instance, index] = router_.OwnerOf(channel);
    if (instance >= first_channels.size()) return Router::kNoChannel;
    return index < end_of(instance) - first_channels[instance] ? first_channels[instance] + index : Router::kNoChannel;
  });
  // There is memory for all: instances and the router never count channels differently.
  router_.Connect(std::move(mapping));
  for (InstanceId id = 0; id < instances_.size(); ++id) {
    instances_[id]->Connected(first_channels[id], end_of(id) - first_channels[id]);
  }
  // Not before: it runs user code, during which threads may output, by the new numbers. It throws nothing.
  for (size_t id = 0; id < instances_.size(); ++id) instances_[id]->TakeHandlers();
}

void Core::Run() {
  const Entry entry(*this);
  const bool again = std::exchange(state_, State::kRunning) == State::kRunning;
  for (size_t id = 0; id < instances_.size(); ++id) instances_[id]->Begin();
  if (!again) timetable_.Start(SteadyNs());
  SetAlarm();
  TellStarted();
}

void Core::Hold(bool hold) {
  held_ = hold;
  if (!hold && state_ == State::kRunning) TellStarted();
}

// Whatever fails in one, the others are told.
void Core::TellStarted() {
  for (size_t id = 0; id < instances_.size(); ++id) Try([&] { instances_[id]->Started(); });
}

void Core::SetTimer(Timetable::Call call, double ms, Timetable::Mode mode) {
  alarm_.Prepare();
  timetable_.Set(call, ms, mode, SteadyNs());
  SetAlarm();
}

void Core::SetAlarm() {
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
    while (state_ == State::kRunning) {
      const auto call = timetable_.Take(now);
      if (!call) break;
      Try([&] { instances_[call->instance]->OnTimer(call->timer); });
    }
    SetAlarm();
  });
}

// Each step in all instances before the next one, so that their threads end at the same time. The last one first: an
// extension module that is not made for several interpreters belongs to the one that imported it first, and the others'
// copies refer to it. Returns until when threads may take to end.
template <typename IdOf>
uint64_t Core::EndThreadsOf(size_t count, IdOf &&id_of) {
  uint64_t until_ms = 0;
  for (const EndThreads step : {EndThreads::kRelease, EndThreads::kJoin, EndThreads::kInterrupt}) {
    if (step != EndThreads::kRelease) until_ms = SteadyMs() + PatienceMs(step);
    for (size_t i = count; i-- > 0;) Try([&] { instances_[id_of(i)]->StopThreads(step, until_ms); });
  }
  return until_ms;
}

void Core::Retire(const std::vector<InstanceId> &instances) {
  const Entry entry(*this);
  for (const InstanceId id : instances) Try([&] { instances_[id]->CleanUp(); });
  const uint64_t until_ms = EndThreadsOf(instances.size(), [&](size_t i) { return instances[i]; });
  for (auto id = instances.rbegin(); id != instances.rend(); ++id) {
    Try([&] { instances_[*id]->Retire(until_ms); });
    router_.Release(*id);
  }
}

void Core::EmitFromOutside(const uint32_t *instances, const uint32_t *channels, const double *values, size_t count) {
  if (!telling_) {
    const Entry entry(*this, Entry::Purpose::kEmit);
    for (size_t i = 0; i < count; ++i) {
      const ChannelId source = router_.Find(instances[i], channels[i]);
      if (source != Router::kNoChannel) {
        Emit(source, values[i]);
      } else {
        SendToItself(instances[i], channels[i], values[i]);
      }
    }
    return;
  }
  // The lock would have to be taken for each of many calls, since this is between two times that it is needed anyway.
  for (size_t i = 0; i < count; ++i) {
    const ChannelId source = router_.Find(instances[i], channels[i]);
    if (source != Router::kNoChannel) {
      incoming_.Append({source, values[i]});
    } else if ((instances[i] & kToItself) != 0) {
      const Entry entry(*this);  // takes in what came before
      SendToItself(instances[i], channels[i], values[i]);
    }
  }
  if (incoming_.size() >= kMaxIncoming) const Entry entry(*this);
}

size_t Core::EmitFromOutside(InstanceId instance, const uint32_t *channels, const double *values, size_t count) {
  const auto [first, known] = router_.ChannelsOf(instance);
  // Not a branch for each event: nearly always all are sound, and then they go in one call.
  bool sound = true;
  for (size_t i = 0; i < count; ++i) sound &= channels[i] < known && values[i] >= 0 && values[i] <= 1;
  size_t left_out = 0;
  const auto emit = [&](auto &&take) {
    for (size_t i = 0; i < count; ++i) {
      if (channels[i] < known && !std::isnan(values[i])) {
        take(first + channels[i], std::clamp(values[i], 0.0, 1.0));
      } else {
        ++left_out;
      }
    }
  };
  if (telling_) {  // as above
    emit([&](ChannelId source, double value) { incoming_.Append({source, value}); });
    if (incoming_.size() >= kMaxIncoming) const Entry entry(*this);
    return left_out;
  }
  const Entry entry(*this, Entry::Purpose::kEmit);
  if (sound) {
    Emit(first, channels, values, count);
  } else {
    emit([&](ChannelId source, double value) { Emit(source, value); });
  }
  return left_out;
}

// With the lock. An instance that the table does not have, or no longer, is not told.
void Core::SendToItself(InstanceId flagged, uint32_t channel, double value) {
  if ((flagged & kToItself) == 0) return;
  const InstanceId instance = flagged & ~kToItself;
  const ChannelId target = router_.Find(instance, channel);
  if (target != Router::kNoChannel) router_.Send({target, instance}, value);
}

// With the lock.
void Core::TakeIn() {
  for (size_t i = 0; i < incoming_.size(); ++i) Emit(incoming_[i].channel, incoming_[i].value);
  incoming_.Clear();
}

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

void Core::Wake() {
  if (wake_) uv_async_send(wake_.get());
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

void Core::CloseHandles() {
  alarm_.Close();
  wake_.Close();
  idle_.Close();
  housekeeping_.Close();
  filter_timer_.Close();
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

size_t Core::BeginStop() {
  const Entry entry(*this);
  state_ = State::kEnding;
  router_.Clear();
  stops_by_ms_ = SteadyMs() + kStopCodeMs;
  for (const auto &instance : instances_) Try([&] { instance->CleanUp(); });
  size_t waiting = 0;
  for (const auto &instance : instances_) {
    Try([&] { waiting += instance->BeginEnd(stops_by_ms_) ? 1 : 0; });
  }
  return waiting;
}

bool Core::BeginRetire(InstanceId instance) {
  const Entry entry(*this);
  instances_[instance]->CleanUp();
  return instances_[instance]->BeginEnd(SteadyMs() + kStopCodeMs);
}

void Core::Stop(std::function<void(bool)> done) {
  bool in_use = false;
  {
    const Entry entry(*this);
    state_ = State::kStopped;
    router_.Clear();
    stops_by_ms_ = SteadyMs() + kStopCodeMs;
    // Whatever fails, the rest is to be done.
    for (const auto &instance : instances_) Try([&] { instance->CleanUp(); });
    const uint64_t until_ms = EndThreadsOf(instances_.size(), [](size_t i) { return i; });
    for (auto instance = instances_.rbegin(); instance != instances_.rend(); ++instance) {
      bool ended = false;  // one that fails midway may have threads inside
      Try([&] { ended = (*instance)->Stop(until_ms); });
      if (!ended) in_use = true;
    }
    stops_by_ms_ = 0;
  }
  CloseHandles();
  handles_->WhenNone([in_use, done = std::move(done)]() { done(in_use); });
}

void Core::Abandon(std::function<void()> done) {
  state_ = State::kStopped;
  // Threads may be about to call the module's functions.
  CodeLock *const lock = depth_ > 0 ? nullptr : Entrance();
  if (lock != nullptr) lock->Take();
  for (const auto &instance : instances_) instance->Abandon();
  if (lock != nullptr) lock->Release();
  CloseHandles();
  handles_->WhenNone(std::move(done));
}

// The way in and out

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

void Core::AddReport(Report report) {
  if (news_.reports.size() >= kMaxReports) {
    ++news_.reports_lost;
    return Note("reports are lost: there are too many");
  }
  Bound(report);
  news_.reports.push_back(std::move(report));
}

// Throws nothing: what a slice has left is to be kept.
void Core::CollectNews() {
  const auto lost = [&](InstanceId instance, uint64_t count) {
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
    // Again also when nothing is queued: it looks at the clock.
    bool drains = may_drain && MayDrain() && (again || !router_.empty());
    const auto drain = [&] {
      drained = router_.Drain(kSliceNs, slice);
      slice = Router::Slice::kSame;
    };
    if (drains) drain();
    const bool steps = may_drain && steps_wanted_ && MayStep();
    if (steps) {
      RunSteps();
      if (drained == Router::Drained::kEmpty && MayDrain() && !router_.empty()) {
        drains = true;
        drain();
      }
    }
    if (state_ == State::kEnding && !router_.empty()) router_.Clear();
    const bool empty = router_.empty();
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
