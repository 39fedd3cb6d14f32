#include "io/stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace mmpy {

namespace {

struct sigaction node_interrupt;
struct sigaction node_terminate;
// Signals may be delivered to any thread, and the watchdog reads this on its own.
std::atomic<bool> seen{false};
static_assert(std::atomic<bool>::is_always_lock_free, "else it is not for signal handlers");

// Only async-signal-safe calls are allowed here.
void OnSignal(int signal, siginfo_t *info, void *context) {
  if (seen.exchange(true)) {
    struct sigaction original = {};
    original.sa_handler = SIG_DFL;
    sigaction(signal, &original, nullptr);
    kill(getpid(), signal);
    return;
  }
  const struct sigaction &node = signal == SIGINT ? node_interrupt : node_terminate;
  if ((node.sa_flags & SA_SIGINFO) != 0) {
    node.sa_sigaction(signal, info, context);
  } else if (node.sa_handler != SIG_DFL && node.sa_handler != SIG_IGN) {
    node.sa_handler(signal);
  }
}

}  // namespace

bool StopSignalSeen() { return seen.load(); }

void EndOnSecondSignal() {
  struct sigaction ours = {};
  ours.sa_sigaction = OnSignal;
  ours.sa_flags = SA_SIGINFO | SA_RESTART;
  sigfillset(&ours.sa_mask);
  sigaction(SIGINT, &ours, &node_interrupt);
  sigaction(SIGTERM, &ours, &node_terminate);
}

}  // namespace mmpy
