// One running configuration: its instances, its router, and its place in libuv's loop.
//
// Everything that enters the core from libuv or JavaScript does so through a Core::Entry: it takes the GIL, and on the
// way out drains the event queue, releases the GIL and tells JavaScript what happened. A feedback loop never empties
// the queue, so a drain ends after a slice of time; an idle handle then goes on with it, and in between libuv serves
// sockets, timers and signals.
#ifndef MMPY_CORE_H
#define MMPY_CORE_H

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/uv_handle.h"
#include "python/exception.h"
#include "python/runtime.h"
#include "routing/router.h"

namespace mmpy {

class PythonInstance;

// Something a user should know of. TypeScript makes a sentence of it.
struct Report {
  enum class Kind : uint32_t {
    kException,       // subject: what raised; exception
    kUnknownChannel,  // subject: channel
    kSocketClosed,    // subject: the handler; value: descriptor; exception if fileno() raised
    kSocketDisabled,  // subject: the handler; value: descriptor
    kThreadsLeft,     // text: names
    kWatchFailed,     // subject: the handler; value: descriptor; text: why
    kEventsLost,      // value: how many for this instance
    kSlow,            // subject: what runs; text: its stack; value: for how long, in ms
  };
  Kind kind;
  InstanceId instance;
  std::string role;  // "handler", "interval", "socket", ..., see binding.d.ts; only for exceptions and sockets
  std::string subject;
  std::string text;
  std::optional<double> value;
  std::optional<PythonException> exception = {};
};

// A call of interval(). period_ms 0 cancels.
struct IntervalChange {
  InstanceId instance;
  uint32_t interval;
  double period_ms;
  double now_ms;  // of the iteration that called
};

// What came up while the core ran, for JavaScript to pick up on the way out.
struct News {
  std::vector<Report> reports;
  std::vector<IntervalChange> intervals;
  std::vector<ChannelId> loop;  // channels of a feedback loop
  std::vector<Event> tapped;
  bool empty() const { return reports.empty() && intervals.empty() && loop.empty() && tapped.empty(); }
};

// The JavaScript side of a core.
class CoreListener {
 public:
  virtual ~CoreListener() = default;

  // A batch for a JavaScript instance. The GIL may be held. Channels it emits on go to Core::Emit.
  virtual void DeliverToJavascript(InstanceId instance, ChannelId first_channel, const Event *events, size_t count) = 0;

  // Called on the way out, without the GIL.
  virtual void Tell(News news) = 0;
};

class Core {
 public:
  Core(uv_loop_t *loop, CoreListener &listener);
  ~Core();
  Core(const Core &) = delete;
  Core &operator=(const Core &) = delete;

  // Building. Instances are numbered from 0 in order of addition, whatever their kind.
  InstanceId AddLoopback();
  InstanceId AddJavascript();
  InstanceId AddPython();                       // PythonRuntime must have been started
  PythonInstance *python(InstanceId instance);  // NULL if it is of another kind
  size_t instance_count() const { return instances_.size(); }
  void Connect(const std::vector<uint32_t> &first_channels, std::vector<uint32_t> offsets,
               const std::vector<ChannelId> &targets);

  // From here on events are delivered. Once more after instances were added: starts those.
  void Run();

  // While held, events are queued but not delivered: nothing of a reload is to be seen before all of it is.
  void Hold(bool hold) { held_ = hold; }

  // Takes a python instance out of the configuration for good; the mapping must not know it any more.
  void Retire(InstanceId instance);

  // Runs cleanup handlers, ends interpreters, closes handles; calls back when libuv has let go of the last handle, with
  // whether a Python thread that would not end may still be inside this core, which then must never be freed.
  void Stop(std::function<void(bool in_use)> done);

  // As Stop, for an environment that is going away: runs no user code, neither Python nor JavaScript.
  void Abandon(std::function<void()> done);

  class Entry;

  void Emit(ChannelId source, double value) {
    if (tapping_) news_.tapped.push_back({source, value});
    router_.Emit(source, value);
  }

  // Several channels of one instance at once: `channels` counts from `first`.
  void Emit(ChannelId first, const uint32_t *channels, const double *values, size_t count) {
    if (tapping_) {
      for (size_t i = 0; i < count; ++i) news_.tapped.push_back({first + channels[i], values[i]});
    }
    router_.Emit(first, channels, values, count);
  }

  // Makes the loop come here soon. From any thread that holds the GIL.
  void Wake();

  // False on threads that Python code has started.
  bool OnLoopThread() const {
    const uv_thread_t self = uv_thread_self();
    return uv_thread_equal(&self, &thread_) != 0;
  }

  void Tap(bool on) { tapping_ = on; }
  News &news() { return news_; }
  Router &router() { return router_; }
  CoreListener &listener() { return listener_; }
  uv_loop_t *loop() const { return loop_; }
  const std::shared_ptr<HandleCount> &handles() const { return handles_; }
  uint64_t now_ms() const { return now_ms_.load(std::memory_order_relaxed); }
  bool entered() const { return depth_ > 0; }

  // User code closes sockets behind our back; this looks for that every second while sockets are watched.
  void StartHousekeeping();

 private:
  enum class State { kBuilding, kRunning, kStopped };

  InstanceId Add(std::unique_ptr<Destination> destination);
  PyThreadState *StateToEnterWith() const;
  void LookForThreads();
  void LetThreadsRun();
  void Drain();
  void KeepBacklog(bool backlog);
  void CloseHandles();

  uv_loop_t *const loop_;
  CoreListener &listener_;
  const uv_thread_t thread_ = uv_thread_self();
  State state_ = State::kBuilding;
  Router router_;
  std::vector<std::unique_ptr<Destination>> instances_;
  std::vector<PythonInstance *> pythons_;  // by instance; NULL for other kinds
  News news_;
  bool tapping_ = false;
  bool held_ = false;
  bool backlog_ = false;         // the idle handle goes on with what was left, mostly since a drain ran out of time
  unsigned emits_in_a_row_ = 0;  // entries of JavaScript's, without one of libuv's in between
  int depth_ = 0;                // of nested entries; read and written with the GIL held, if there is a Python instance
  std::atomic<uint64_t> now_ms_{0};

  bool threads_ = false;             // there are Python threads in any of the instances
  InstanceId entrance_ = 0;          // the python instance whose thread state enters
  uint64_t requests_seen_ = 0;       // GilRequests::made() when it was chosen
  uint64_t looked_for_ms_ = 0;       // when threads were last looked for,
  uint64_t threads_let_run_ms_ = 0;  // and given a chance in a backlog

  std::shared_ptr<HandleCount> handles_ = std::make_shared<HandleCount>();
  UvHandle<uv_async_t> wake_;
  UvHandle<uv_idle_t> idle_;
  UvHandle<uv_timer_t> housekeeping_;
};

// A stay in the core. Entries nest: only the outermost one drains and tells.
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
  std::optional<GilScope> gil_;
};

}  // namespace mmpy

#endif
