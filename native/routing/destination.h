// An instance of any kind, as the router and the core see it: where events go, and the steps of its life.
#ifndef MMPY_DESTINATION_H
#define MMPY_DESTINATION_H

#include <cstddef>
#include <cstdint>

#include "routing/code_lock.h"
#include "routing/event_buffer.h"

namespace mmpy {

using InstanceId = uint32_t;

class Destination {
 public:
  virtual ~Destination() = default;

  // Handles a batch. May emit; may neither drain nor install a mapping. The events stay valid until it returns.
  virtual void Deliver(const Event *events, size_t count) = 0;

  // Whether it gets each batch in one call. Others get theirs in pieces, with a look at the clock in between.
  bool takes_whole_batches() const { return takes_whole_batches_; }

  // Something was deferred to the end of the round, after all of its events: FinishRound() is called then.
  bool put_off() const { return put_off_; }
  virtual void FinishRound() {}
  void DropFinish() { put_off_ = false; }  // the round does not go on

  // Its events are handled outside, once the drain is over: what they lead to is not there when Deliver() returns.
  bool is_outside() const { return is_outside_; }

  // Its life, each step within a Core::Entry but for Abandon().

  // The mapping table has its channels from `first` on, `count` of them: fewer than before if it is about to retire.
  virtual void Connected(ChannelId /*first*/, size_t /*count*/) {}

  // The mapping is in place: handlers that were found for it take the place of those before. May run code.
  virtual void TakeHandlers() {}

  // The core runs. Called again when instances have been added: only the first call counts.
  virtual void Begin() {}

  // Every second: looks after what code closes behind our back. Returns whether to come again.
  virtual bool Housekeep() { return false; }

  // Out of the configuration for good, while the core goes on.
  virtual void Retire() {}

  // Runs the cleanup handler; Stop() follows. That returns whether no thread is left that may be inside this object.
  virtual void CleanUp() {}
  virtual bool Stop() { return true; }

  // The environment goes away: gives up everything without running code. With the lock, if there is one.
  virtual void Abandon() {}

  // Where its code runs; NULL for instances without code of their own.
  virtual CodeLock *code() { return nullptr; }

 protected:
  bool takes_whole_batches_ = false;
  bool put_off_ = false;
  bool is_outside_ = false;
};

}  // namespace mmpy

#endif
