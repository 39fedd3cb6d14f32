// An instance in a process of its own, as seen by the router: a destination whose events go into a ring in memory that
// the two share, and which emits what comes out of another one (ring.h). Messages about everything else are
// TypeScript's (lib/backends/python/process/), as is the process itself.
#ifndef MMPY_PROCESS_LINK_H
#define MMPY_PROCESS_LINK_H

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>

#include "io/uv_handle.h"
#include "process/ring.h"
#include "routing/core.h"

namespace mmpy {

class ProcessLink final : public Destination {
 public:
  ProcessLink(Core &core, InstanceId id) : core_(core), id_(id), waiting_(&core.budget()) {
    takes_whole_batches_ = true;
  }
  ~ProcessLink() override { Close(); }

  // What a new process is to inherit; `requests` are the two ends of a connection, the first one the router's. These
  // two and `crash` become the caller's, the others stay this object's.
  struct Descriptors {
    int requests[2] = {-1, -1};
    int memory = -1;
    int wake = -1;
    int router_wake = -1;
    int crash = -1;
  };

  // Makes them, with empty rings, in place of those of a process that has ended. Returns 0 or an errno.
  int Open(Descriptors &descriptors);

  // The process runs with this id; 0: it has ended, and Ended() follows. Outside of a Core::Entry, as the next two.
  void Spawned(pid_t pid) { pid_ = pid; }

  // It has loaded everything, and gets its events from now on: first the last value of each channel for which events
  // came since the last one has ended. Returns how many others came, which those replace.
  uint64_t Ready();

  // It has ended. Returns how many events were lost: those that it has not finished handling.
  uint64_t Ended();

  // SteadyMs() since when it has been at work; 0 if it sleeps or is not there.
  uint64_t busy_since_ms() const { return shared_ == nullptr ? 0 : shared_->busy_ms.load(); }
  // It has written nonsense into its rings, and was killed for it.
  bool broken() const { return broken_; }

  void Deliver(const Event *events, size_t count) override;
  void FinishRound() override;
  void Connected(ChannelId first, size_t count) override;
  void TakeHandlers() override;
  void Begin() override;
  void CleanUp() override;
  bool BeginEnd(uint64_t cleanup_until_ms) override;
  bool Stop(uint64_t until_ms) override;
  void Retire(uint64_t until_ms) override { Stop(until_ms); }
  void Abandon() override { Stop(0); }

 private:
  void Flush();
  void Receive();
  size_t Emit();
  void WakeProcess() const;
  void TakeWakeUps() const;
  void Kill();
  void Close();

  Core &core_;
  const InstanceId id_;
  ChannelId first_ = 0;
  size_t count_ = 0;
  bool begun_ = false;
  bool ready_ = false;
  bool ending_ = false;
  bool broken_ = false;
  pid_t pid_ = 0;  // 0 once it has ended

  SharedMemory *shared_ = nullptr;
  std::optional<RingWriter> writer_;
  std::optional<RingReader> reader_;
  int memory_fd_ = -1;
  int wake_fd_ = -1;
  int router_wake_fd_ = -1;
  UvHandle<uv_poll_t> poll_;

  EventBuffer waiting_;              // for room in the ring; its channels are those of the instance
  size_t sent_ = 0;                  // of those
  Trail trail_ = 0;                  // of what was delivered last
  std::map<uint32_t, double> kept_;  // the last value of each channel, until a process is ready
  uint64_t replaced_ = 0;            // by those
};

}  // namespace mmpy

#endif
