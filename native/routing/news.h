// What comes up while the core runs, and who is told.
#ifndef MMPY_NEWS_H
#define MMPY_NEWS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "routing/destination.h"
#include "routing/raised.h"

namespace mmpy {

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

struct News {
  std::vector<Report> reports;
  std::vector<IntervalChange> intervals;
  std::vector<ChannelId> loop;  // channels of a feedback loop
  bool empty() const { return reports.empty() && intervals.empty() && loop.empty(); }
};

// The JavaScript side of a core. All of it is called on the way out, without the lock, and may call into the core
// again: what that queues is delivered once the listener has heard everything.
class CoreListener {
 public:
  virtual ~CoreListener() = default;

  // Events for an instance outside; its channels count from 0.
  virtual void Deliver(InstanceId instance, const uint32_t *channels, const double *values, size_t count) = 0;

  // Everything that was emitted, while the core is tapped.
  virtual void Tapped(const uint32_t *channels, const double *values, size_t count) = 0;

  virtual void Tell(News news) = 0;

  // Something that is not user code's failed, mostly for want of memory; the core goes on. Throws nothing.
  virtual void Failed(const char *what) = 0;
};

}  // namespace mmpy

#endif
