// Reports and other news while the core runs, and their listener.
#ifndef MMPY_NEWS_H
#define MMPY_NEWS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "routing/destination.h"
#include "routing/raised.h"
#include "routing/shortened.h"

namespace mmpy {

// How many reports wait at most: threads may raise without end while the loop's thread does something else. More than
// the thousand finalizers that raise when a recursion of the usual depth unwinds: the handler's own exception comes
// after them.
constexpr size_t kMaxReports = 4000;
constexpr size_t kMaxReportBytes = size_t{32} << 20;

// Of these, how many may be there when user code logs another message. The others are left to problems.
constexpr size_t kMaxMessages = 3000;
constexpr size_t kMaxMessageBytes = size_t{4} << 20;

// A problem that a user should know about, or a message of user code. TypeScript formats it.
struct Report {
  enum class Kind : uint32_t {
    kException,       // subject: the function that raised; exception
    kUnknownChannel,  // subject: channel; file: where in user code
    kClamped,         // subject: channel; value: as given, outside of 0..1; file: where in user code
    kRounded,         // subject: an interval's function; value: its period as given; text: as it is; file: likewise
    kSocketClosed,    // subject: the handler; value: descriptor; exception if fileno() raised
    kSocketDisabled,  // subject: the handler; value: descriptor
    kThreadsLeft,     // text: names
    kWatchFailed,     // subject: the handler; value: descriptor; text: why
    kWatchRestored,   // user code had closed the descriptor through which sockets are watched
    kEventsLost,      // value: number of events for this instance
    kDelaysLost,      // value: number of values lost in delays of mappings, of no particular instance
    kSlow,            // subject: the running function; text: its stack; value: for how long, in ms
    kLog,             // a message of user code: role: its level; subject: its logger; text; file and value: its place
  };
  Kind kind;
  InstanceId instance;
  std::string role;  // see binding.d.ts
  std::string subject;
  std::string text;
  std::optional<double> value;
  std::optional<PythonException> exception = {};
  std::string file = {};
};

// A call of interval(). period_ms 0 cancels.
struct IntervalChange {
  InstanceId instance;
  uint32_t interval;
  double period_ms;
  double now_ms;  // the time of the iteration that called
};

// Whatever user code has made of its texts.
inline void Bound(Report &report) {
  Shorten(report.subject, kMaxName);
  Shorten(report.text, kMaxText);
  Shorten(report.file, kMaxName);
  if (!report.exception) return;
  PythonException &exception = *report.exception;
  Shorten(exception.type, kMaxName);
  for (std::optional<std::string> *name : {&exception.name, &exception.path}) {
    if (*name) Shorten(**name, kMaxName);
  }
  Shorten(exception.message, kMaxText);
  Shorten(exception.text, kMaxText);
}

// Of its long texts.
inline size_t BytesOf(const Report &report) {
  const size_t own = report.subject.size() + report.text.size();
  return report.exception ? own + report.exception->message.size() + report.exception->text.size() : own;
}

struct News {
  std::vector<Report> reports;
  size_t report_bytes = 0;
  std::vector<IntervalChange> intervals;
  std::vector<ChannelId> loop;    // channels of a feedback loop
  std::vector<InstanceId> ended;  // instances that are about to end and have nothing left to wait for
  uint64_t reports_lost = 0;      // since there were too many
  const char *failure = nullptr;  // what could not be done or told; a literal
  bool HasRoom(size_t max_reports, size_t max_bytes) const {
    return reports.size() < max_reports && report_bytes < max_bytes;
  }
  bool empty() const {
    return reports.empty() && intervals.empty() && loop.empty() && ended.empty() && failure == nullptr;
  }
};

// The JavaScript side of a core. All functions are called on the way out, without the lock, and may call into the core
// again: events queued by that are delivered once the listener has received everything.
class CoreListener {
 public:
  virtual ~CoreListener() = default;

  // Events for an outside instance; its channels are numbered from 0.
  virtual void Deliver(InstanceId instance, const uint32_t *channels, const double *values, size_t count) = 0;

  // Everything that was emitted, while the core is tapped.
  virtual void Tapped(const uint32_t *channels, const double *values, size_t count) = 0;

  virtual void Tell(News news) = 0;

  // An internal failure, mostly a lack of memory; the core continues. Must not throw.
  virtual void Failed(const char *what) = 0;
};

}  // namespace mmpy

#endif
