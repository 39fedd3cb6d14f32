// What is counted of an instance, for metrics: an event that is output costs one increment (see output.h), everything
// else is counted by batches and calls.
#ifndef MMPY_COUNTERS_H
#define MMPY_COUNTERS_H

#include <uv.h>

#include <cstdint>
#include <string_view>

namespace mmpy {

struct Counters {
  // The function of user code that raised. The order is that of binding.d.ts.
  enum Raised { kHandler, kInterval, kSocket, kOther };

  uint64_t in = 0;       // events that were delivered to it
  uint64_t out = 0;      // that it has output, mapped or not
  uint64_t lost = 0;     // that were to be delivered to it
  uint64_t code_ns = 0;  // that its code took on the loop's thread, while Core::timing()
  uint64_t slow = 0;     // calls that were reported as slow
  uint64_t raised[kOther + 1] = {};

  // A role of Report.
  static Raised KindOf(std::string_view role) {
    if (role == "handler" || role == "batch handler") return kHandler;
    if (role == "interval" || role == "delayed function") return kInterval;
    return role == "socket" ? kSocket : kOther;
  }
};

// Adds the time of a scope to an instance's, if that is measured: reading the clock twice costs as much as half a
// handler.
class TimedCode {
 public:
  TimedCode(bool on, Counters &counters) : counters_(counters), started_(on ? uv_hrtime() : 0) {}
  ~TimedCode() {
    if (started_ != 0) counters_.code_ns += uv_hrtime() - started_;
  }
  TimedCode(const TimedCode &) = delete;
  TimedCode &operator=(const TimedCode &) = delete;

 private:
  Counters &counters_;
  const uint64_t started_;
};

}  // namespace mmpy

#endif
