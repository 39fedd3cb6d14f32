// An instance of any kind, as seen by the router and the core: a destination of events, with a life cycle.
#ifndef MMPY_DESTINATION_H
#define MMPY_DESTINATION_H

#include <cstddef>
#include <cstdint>

#include "routing/code_lock.h"
#include "routing/counters.h"
#include "routing/event_buffer.h"

namespace mmpy {

using InstanceId = uint32_t;

// The steps in which the threads of instances that end are ended, and how long each lasts in all of them together, in
// ms.
enum class EndThreads { kRelease, kJoin, kInterrupt };
constexpr uint64_t PatienceMs(EndThreads step) {
  return step == EndThreads::kJoin ? 2000 : step == EndThreads::kInterrupt ? 500 : 0;
}

class Destination {
 public:
  virtual ~Destination() = default;

  // Handles a batch. May emit; may neither drain nor install a mapping. The events stay valid until it returns.
  virtual void Deliver(const Event *events, size_t count) = 0;

  // Whether it gets each batch in one call. Others get theirs in pieces, between which the clock is read.
  bool takes_whole_batches() const { return takes_whole_batches_; }

  // Whether work was deferred to the end of the round, after all of its events: FinishRound() is called then.
  bool deferred() const { return deferred_; }
  virtual void FinishRound() {}
  void DropFinish() { deferred_ = false; }  // the round does not go on

  // Its events are handled outside, once the drain is over: their effects are not queued when Deliver() returns.
  bool is_outside() const { return is_outside_; }

  // What it is delivered it outputs again, on the same channel.
  bool reflects() const { return reflects_; }

  // Read and written with the lock. How many events it has output may be counted elsewhere.
  Counters counters;
  virtual uint64_t events_out() const { return counters.out; }

  // Its life cycle; each step is called within a Core::Entry, except for Abandon().

  // The mapping table has its channels from `first` on, `count` of them: fewer than before if it is about to retire.
  virtual void Connected(ChannelId /*first*/, size_t /*count*/) {}

  // The mapping is installed: the handlers found for it replace the previous ones. May run code.
  virtual void TakeHandlers() {}

  // The core runs. Called again when instances have been added: only the first call has an effect.
  virtual void Begin() {}

  // Everything runs: all instances have begun, or what they have reloaded is in effect. May run code; it may not throw.
  virtual void Started() {}

  // A time has come that it has set, see Core::SetTimer(). Not once it has been stopped.
  virtual void OnTimer(uint32_t /*timer*/) {}

  // Runs what its code has ready by itself, for up to `budget_ns`. Returns whether more is ready. See
  // Core::WantSteps().
  virtual bool wants_step() const { return false; }
  virtual bool Step(uint64_t /*budget_ns*/) { return false; }

  // Wants a step if it is due by now, see Core::StepAt(). Returns when the next one is, or UINT64_MAX.
  virtual uint64_t WakeStep(uint64_t /*now_ns*/) { return UINT64_MAX; }

  // Called every second: finds sockets that were closed without being unregistered. Returns whether to call again.
  virtual bool Housekeep() { return false; }

  // After CleanUp(): begins to end what its code runs by itself, for which it is given steps; calls what the cleanup
  // handler has begun off at `cleanup_until_ms`, a time of SteadyMs(). Returns whether there is anything to wait for:
  // then Core::TasksEnded() is called.
  virtual bool BeginEnd(uint64_t /*cleanup_until_ms*/) { return false; }

  // Runs the cleanup handler; StopThreads() follows, for each step, then Stop(), or Retire() if the
  // core goes on without it. They wait for threads until `until_ms`, a time of SteadyMs(). Stop() returns whether no
  // thread is left that may be inside this object.
  virtual void CleanUp() {}
  virtual void StopThreads(EndThreads /*step*/, uint64_t /*until_ms*/) {}
  virtual bool Stop(uint64_t /*until_ms*/) { return true; }
  virtual void Retire(uint64_t /*until_ms*/) {}

  // The environment is being torn down: abandons everything without running code. With the lock, if there is one.
  virtual void Abandon() {}

  // The lock for its code; NULL for instances without code.
  virtual CodeLock *code() { return nullptr; }

 protected:
  bool takes_whole_batches_ = false;
  bool deferred_ = false;
  bool is_outside_ = false;
  bool reflects_ = false;
};

}  // namespace mmpy

#endif
