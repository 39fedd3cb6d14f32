// Reports about user code that was not called by the core, or that does not return; and its messages.
#ifndef MMPY_REPORTS_H
#define MMPY_REPORTS_H

#include <string>

#include "instance/handlers.h"
#include "instance/home.h"
#include "python/watchdog.h"

namespace mmpy {

class Reports final : public WatchedCode {
 public:
  Reports(Home &home, const Channels &channels, const Handlers &handlers)
      : home_(home), channels_(channels), handlers_(handlers) {}

  // An exception that could not be caught, in a finalizer or on a Python thread, or a message of user code. If more
  // messages come than JavaScript can take, the rest is counted. From any thread that holds the GIL.
  void Tell(Report report);

  // For the watchdog's inspector, which holds the GIL with a thread state of this interpreter while user code is
  // suspended.
  void ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms) override;
  std::string StuckText(const Watchdog::Running &running, uint64_t elapsed_ms) override;
  std::string Subject(const Watchdog::Running &running) override;
  std::string Stack() override;
  PyRef Interruption(const Watchdog::Running &running, uint64_t limit_ms) override;

 private:
  bool HasRoomForMessage();
  std::string NameOf(const Watchdog::Running &running);

  Home &home_;
  const Channels &channels_;
  const Handlers &handlers_;
  size_t messages_lost_ = 0;
};

}  // namespace mmpy

#endif
