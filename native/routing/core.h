// One running configuration: its instances, its router, and its place in libuv's loop.
//
// Everything that enters the core from libuv or JavaScript does so through a Core::Entry: it takes the lock, and on the
// way out drains the event queue, releases the lock and tells JavaScript what happened. What JavaScript emits while it
// is told is only queued; then the way out begins again, until nothing is left or the slice of time is used up. A
// feedback loop never empties the queue: an idle handle goes on with it, and in between libuv serves sockets, timers
// and signals.
#ifndef MMPY_CORE_H
#define MMPY_CORE_H

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "io/alarm.h"
#include "io/guard.h"
#include "io/uv_handle.h"
#include "routing/code_lock.h"
#include "routing/destination.h"
#include "routing/event_columns.h"
#include "routing/live_table.h"
#include "routing/loop_delay.h"
#include "routing/news.h"
#include "routing/router.h"
#include "routing/timetable.h"

namespace mmpy {

// Filters as they come from outside; see FilterTable::Fill().
struct RawFilters {
  FilterTable table;  // keys, args, watched
  std::vector<FilterTable::RawPair> pairs;
  std::vector<uint32_t> chain_offsets{0};
  std::vector<FilterTable::RawStep> steps;
};

// Events on their way out to one instance outside.
struct Outgoing {
  const InstanceId instance;
  ChannelId first_channel = 0;
  EventColumns events;
  bool is_queued = false;  // to be told
};

class Core final : private FilterClock {
 public:
  Core(uv_loop_t *loop, CoreListener &listener);
  ~Core();
  Core(const Core &) = delete;
  Core &operator=(const Core &) = delete;

  // Adds an instance, also while the core runs, but not within an Entry: throws std::logic_error then. They are
  // numbered from 0 in order of addition, whatever their kind.
  InstanceId Add(std::unique_ptr<Destination> destination);
  size_t instance_count() const { return instances_.size(); }

  // Installs the mapping, in the form that Router::Connect() takes but for the targets' instances: a target with the
  // bit kFiltered is a pair with filters. Not within an Entry, as Add(). Without memory for it, it throws
  // std::bad_alloc, and std::invalid_argument if the filters' tables are not sound; everything is as before then.
  static constexpr ChannelId kFiltered = ChannelId{1} << 31;
  void Connect(const std::vector<ChannelId> &first_channels, std::vector<uint32_t> offsets,
               const std::vector<ChannelId> &targets, RawFilters filters = {});

  // From here on events are delivered. Once more after instances were added: starts those.
  void Run();

  // While held, events are queued but not delivered: nothing of a reload is to be seen before all of it is. What is on
  // its way outside already arrives.
  void Hold(bool hold);

  // Takes instances out of the configuration for good; the mapping must not know them any more. Their threads share one
  // deadline.
  void Retire(const std::vector<InstanceId> &instances);

  // Before Stop(): no event is routed any more; runs cleanup handlers, and has instances end what they run by
  // themselves. Returns how many of them there is to wait for: CoreListener::Tell() says when one has.
  size_t BeginStop();

  // The same before Retire(), of one instance. Returns whether there is anything to wait for.
  bool BeginRetire(InstanceId instance);

  // An instance has ended what it was to end. With the lock.
  void TasksEnded(InstanceId instance) { news_.ended.push_back(instance); }

  // Runs cleanup handlers, ends interpreters, closes handles; calls back when libuv has released the last handle, with
  // whether a thread that would not end may still be inside this core, which then must never be freed.
  void Stop(std::function<void(bool in_use)> done);

  // While it is being stopped: SteadyMs() by which cleanup handlers and finalizers have to be over; otherwise 0.
  uint64_t stops_by_ms() const { return stops_by_ms_; }

  // Whether its instances are only created to be checked.
  void SetChecking() { checking_ = true; }
  bool checking() const { return checking_; }

  // Whether the last entry has left nothing queued. On the loop's thread; the lock is not needed.
  bool idle() const { return idle_since_entry_; }

  // Whether it has been started and not yet stopped.
  bool running() const { return state_ == State::kRunning; }

  // As Stop, for an environment that is going away: runs no user code, neither Python nor JavaScript.
  void Abandon(std::function<void()> done);

  class Entry;

  void Emit(ChannelId source, double value) {
    if (observed_) Observe(source, value);
    router_.Emit(source, value);
  }

  // What is emitted next comes from a process, as an effect of events that went through so many of them. With the lock.
  void CountHops(uint32_t hops) { router_.CountHops(hops); }

  // An event on `cause` made a process output one on `source`. With the lock.
  void NoteEffect(ChannelId cause, ChannelId source) { router_.NoteEffect(cause, source); }

  // Counts a report about an instance, if it is about one. With the lock.
  void CountReport(InstanceId instance, Report::Kind kind, std::string_view role);

  // Several channels of one instance at once: `channels` counts from `first`.
  void Emit(ChannelId first, const uint32_t *channels, const double *values, size_t count) {
    if (observed_) {
      for (size_t i = 0; i < count; ++i) Observe(first + channels[i], values[i]);
    }
    router_.Emit(first, channels, values, count);
  }

  // Has an instance called at an exact time, see Timetable; from the start on. From any thread that has the lock.
  // Throws std::bad_alloc, with everything as before.
  void SetTimer(Timetable::Call call, double ms, Timetable::Mode mode);
  void CancelTimer(Timetable::Call call) { timetable_.Cancel(call); }

  // Which of an instance's `count` channels, the first of which is `first`, are mapped as sources, or as targets: their
  // numbers within the instance. With the lock; takes time proportional to the size of the mapping.
  std::vector<uint32_t> MappedChannels(ChannelId first, size_t count, bool as_targets) const {
    return router_.MappedChannels(first, count, as_targets);
  }

  // In the number of an instance: the event is for the channel itself, instead of for those that it is mapped to. No
  // instance has such a number, so it is looked for only where a number is not found.
  static constexpr InstanceId kToItself = 1U << 31;

  // What JavaScript emits; needs no Entry.
  void EmitFromOutside(const uint32_t *instances, const uint32_t *channels, const double *values, size_t count);

  // Likewise, of one instance and without a check before: values are clamped; those that are NaN and those on channels
  // that the mapping does not have are left out. Returns how many those are.
  size_t EmitFromOutside(InstanceId instance, const uint32_t *channels, const double *values, size_t count);

  // There are events for an instance outside, which is not queued yet. During a drain.
  void Send(Outgoing &outgoing) {
    outgoing.is_queued = true;
    outgoing_.push_back(&outgoing);  // each instance once, for which there is room
    router_.ExpectEffects();
  }

  // Makes the loop come here soon. From any thread that has the lock.
  void Wake();

  // An instance's code has something ready: it is given steps, after the drain and with limited time, now if the loop's
  // thread is inside, else once it comes here. What does not end in that time goes on in the next iteration of the
  // loop. From any thread that has the lock.
  void WantSteps() { steps_wanted_ = true; }

  // The same once a time of SteadyNs() has come. An instance keeps the time itself: it is asked for it then.
  static constexpr uint64_t kNever = Alarm::kNever;
  void StepAt(uint64_t time_ns) {
    if (time_ns >= steps_due_ns_) return;
    steps_due_ns_ = time_ns;
    SetAlarm();
  }

  // False on threads that user code has started.
  bool OnLoopThread() const {
    const uv_thread_t self = uv_thread_self();
    return uv_thread_equal(&self, &thread_) != 0;
  }

  void Tap(bool on) {
    tapping_ = on;
    observed_ = tapping_ || live_.is_open();
  }

  // Opens or closes the table of last values; with the lock. Throws std::bad_alloc.
  void Live(bool on);
  LiveTable &live() { return live_; }

  // Whether the time of code and the loop's delays are measured.
  void Measure(bool on);
  bool timing() const { return timing_; }
  const LoopDelay &loop_delay() const { return loop_delay_; }

  Destination &instance(InstanceId id) { return *instances_[id]; }
  const Router &router() const { return router_; }
  News &news() { return news_; }
  QueueBudget &budget() { return router_.budget(); }
  uv_loop_t *loop() const { return loop_; }
  const std::shared_ptr<HandleCount> &handles() const { return handles_; }
  uint64_t now_ms() const { return now_ms_.load(std::memory_order_relaxed); }

  // Whether the loop's thread is inside, and will see on its way out what there is to do. With the lock.
  bool entered() const { return depth_ > 0; }

  // Told with the news. From any thread that has the lock. `make` returns the report; it may run Python code.
  template <typename Make>
  void Tell(Make &&make) noexcept {
    Guard([&] { AddReport(std::forward<Make>(make)()); },
          [&](const char *) { Note("a report is lost: out of memory"); });
  }
  void Note(const char *failure) { news_.failure = failure; }

  // One of several steps that have to be done even if some fail, which is told with the news.
  template <typename Step>
  void Try(Step &&step) noexcept {
    Guard(std::forward<Step>(step), [&](const char *) { Note("a step of a reload or a stop failed: out of memory"); });
  }

  // Not from within: JavaScript is called at once.
  void Failed(const char *what) { listener_.Failed(what); }

  // Work that libuv's callbacks do.
  template <typename Work>
  void Guarded(Work &&work) {
    Guard(std::forward<Work>(work), [&](const char *what) { Failed(what); });
  }

  // Has every instance look, every second, after what user code closes behind our back, and the queues after memory
  // that they don't need any more, as long as any says so.
  void StartHousekeeping();

 private:
  enum class State { kBuilding, kRunning, kEnding, kStopped };

  void Enter();
  void Leave();
  void LeaveAndTell(bool may_drain);
  bool MayDrain() const { return state_ == State::kRunning && !held_; }
  void TellStarted();
  void SetAlarm();
  void OnAlarm();
  bool MayStep() const { return (state_ == State::kRunning || state_ == State::kEnding) && !held_; }
  void RunSteps();
  [[gnu::noinline]] void Observe(ChannelId source, double value);
  void RefuseIfEntered() const;
  void AddReport(Report report);
  CodeLock *Entrance() const;
  void TakeIn();
  void SendToItself(InstanceId flagged, uint32_t channel, double value);
  void CollectNews();
  void TellOutside();
  void LookForThreads();
  void LetThreadsRun();
  void KeepBacklog(bool backlog);
  template <typename IdOf>
  uint64_t EndThreadsOf(size_t count, IdOf &&id_of);
  void ArmFilters();
  double FilterNow() const override;
  void CloseHandles();

  uv_loop_t *const loop_;
  CoreListener &listener_;
  const uv_thread_t thread_ = uv_thread_self();
  State state_ = State::kBuilding;
  bool checking_ = false;
  uint64_t stops_by_ms_ = 0;
  Router router_;
  std::vector<std::unique_ptr<Destination>> instances_;
  std::vector<Destination *> with_code_;  // those that have a CodeLock
  News news_;
  bool observed_ = false;  // tapped, or its table is open: one test for both
  bool tapping_ = false;
  bool timing_ = false;
  LiveTable live_;
  EventColumns tapped_{&router_.budget()};
  EventColumns told_{&router_.budget()};  // the memory of tapped_ while that is told
  bool held_ = false;
  bool idle_since_entry_ = true;
  bool backlog_ = false;         // the idle handle goes on with what was left, mostly since a drain ran out of time
  bool steps_wanted_ = false;    // by any instance; written with the lock
  unsigned emits_in_a_row_ = 0;  // entries of JavaScript's, without one of libuv's in between
  int depth_ = 0;                // of nested entries; read and written with the lock
  CodeLock *lock_ = nullptr;     // by which the outermost one came in; NULL if nothing has code
  std::atomic<uint64_t> now_ms_{0};

  // The loop's thread alone uses these, also without the lock.
  std::vector<Outgoing *> outgoing_;         // those with events
  EventBuffer incoming_{&router_.budget()};  // what JavaScript has emitted while it was told, by its sources
  bool telling_ = false;
  bool more_ = false;  // an entry while it was told has left something to do

  bool threads_ = false;             // there are threads in any of the instances
  size_t entrance_ = 0;              // in with_code_: whose lock is taken
  uint64_t requests_seen_ = 0;       // CodeLock::requests() when it was chosen
  uint64_t looked_for_ms_ = 0;       // when threads were last looked for,
  uint64_t threads_let_run_ms_ = 0;  // and given a chance in a backlog

  std::shared_ptr<HandleCount> handles_ = std::make_shared<HandleCount>();
  LoopDelay loop_delay_;
  Timetable timetable_;             // used with the lock
  uint64_t steps_due_ns_ = kNever;  // likewise: the earliest of StepAt()
  Alarm alarm_{[this] { OnAlarm(); }};
  UvHandle<uv_async_t> wake_;
  UvHandle<uv_idle_t> idle_;
  UvHandle<uv_timer_t> housekeeping_;
  UvHandle<uv_timer_t> filter_timer_;
  double armed_for_ = Filters::kNever;  // when filter_timer_ comes
};

// A stay in the core. Entries nest: only the outermost one drains and tells, and one that is made while JavaScript is
// told leaves that to the one on whose way out it is.
class Core::Entry {
 public:
  enum class Purpose { kOrdinary, kBacklog, kEmit };
  explicit Entry(Core &core, Purpose purpose = Purpose::kOrdinary);
  ~Entry();
  Entry(const Entry &) = delete;
  Entry &operator=(const Entry &) = delete;

 private:
  Core &core_;
  const Purpose purpose_;
};

}  // namespace mmpy

#endif
