// The names of the kinds of reports in binding.d.ts.
#ifndef MMPY_REPORT_KIND_H
#define MMPY_REPORT_KIND_H

#include "routing/news.h"

namespace mmpy {

inline const char *KindName(Report::Kind kind) {
  switch (kind) {
    case Report::Kind::kException:
      return "exception";
    case Report::Kind::kUnknownChannel:
      return "unknown-channel";
    case Report::Kind::kClamped:
      return "clamped";
    case Report::Kind::kRounded:
      return "rounded";
    case Report::Kind::kSocketClosed:
      return "socket-closed";
    case Report::Kind::kSocketDisabled:
      return "socket-disabled";
    case Report::Kind::kThreadsLeft:
      return "threads-left";
    case Report::Kind::kEventsLost:
      return "events-lost";
    case Report::Kind::kDelaysLost:
      return "delays-lost";
    case Report::Kind::kSlow:
      return "slow";
    case Report::Kind::kWatchRestored:
      return "watch-restored";
    case Report::Kind::kWatchFailed:
      return "watch-failed";
    case Report::Kind::kLog:
      return "log";
  }
  return "";
}

}  // namespace mmpy

#endif
