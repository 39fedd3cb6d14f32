// An instance in a process of its own, as seen from inside: a core with two instances, the python one and the rest of
// the router (elsewhere.h), which a mapping of each to the other joins. So everything that user code calls is the same
// as in the router's process.
#ifndef MMPY_CHILD_PROCESS_H
#define MMPY_CHILD_PROCESS_H

#include <memory>
#include <string>
#include <vector>

#include "child/elsewhere.h"
#include "child/interval_clock.h"
#include "child/messages.h"
#include "instance/python_instance.h"
#include "process/ring.h"
#include "routing/core.h"

namespace mmpy {

// The descriptors that the router leaves to the process.
enum ProcessDescriptor { kRequestsFd = 3, kReportsFd, kMemoryFd, kWakeFd, kRouterWakeFd, kCrashFd };

class Process final : private CoreListener {
 public:
  // `start_file` is python/runtime/start.py.
  Process(SharedMemory &shared, std::string start_file);

  // Serves the router until it is told to stop, and has told the router everything.
  void Run();

 private:
  std::string Answer(const Request &request);
  std::string Start(const Request &request);
  std::string Resolve(const Request &request);
  std::string AddChannels(const Request &request);
  std::string Names(const Request &request);
  std::string Reload();
  void NoteMapped(const Request &request);
  void FollowRouter();
  bool Follows() const;
  void FixChannels();
  void Connect();
  void Turn();
  void Receive();
  void GoOn(bool wanted);
  void NoteTrail(const RingEvent *events, size_t count);
  void BeginStopOnceIdle(bool idle);

  void Deliver(InstanceId, const uint32_t *, const double *, size_t) override {}
  void Tapped(const uint32_t *, const double *, size_t) override {}
  void Tell(News news) override;
  void Failed(const char *what) override;

  SharedMemory &shared_;
  const std::string start_file_;
  RingReader reader_;
  Core core_;
  PythonInstance *python_ = nullptr;  // the core owns them
  Elsewhere *elsewhere_ = nullptr;
  IntervalClock intervals_;
  Messages requests_;
  Messages reports_;
  UvHandle<uv_poll_t> wake_;
  UvHandle<uv_idle_t> more_;      // active while there may be something that nothing wakes it for
  std::vector<uint32_t> inputs_;  // channels that are mapped in the router, as targets
  std::vector<uint32_t> outputs_;
  uint32_t mappings_ = 0;
  bool runs_ = false;
  bool traced_ = false;      // the last event that it got: the next ones are handled one at a time
  uint64_t stop_by_ms_ = 0;  // once a stop is wanted: when it begins, if there are still events
  bool stopping_ = false;
  bool ended_ = false;  // what the instance had to end by itself
};

}  // namespace mmpy

#endif
