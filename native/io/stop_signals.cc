#include "io/stop_signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace mmpy {

namespace {

struct sigaction node_interrupt;
struct sigaction node_terminate;
// When the first one arrived, and which it was; 0 before. Signals may be delivered to any thread, and the watchdog
// reads these on its own.
std::atomic<uint64_t> first_ms{0};
std::atomic<int> first_signal{0};
std::atomic<bool (*)()> stops_elsewhere{nullptr};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "else they are not for signal handlers");

uint64_t NowMs() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000 + 1;
}

// Only async-signal-safe calls are allowed here.
void OnSignal(int signal, siginfo_t *info, void *context) {
  const uint64_t now = NowMs();
  uint64_t first = 0;
  if (!first_ms.compare_exchange_strong(first, now)) {
    if (now < first + kSameSignalMs) return;
    struct sigaction original = {};
    original.sa_handler = SIG_DFL;
    sigaction(signal, &original, nullptr);
    // It must not wait until this handler has returned.
    sigset_t this_one;
    sigemptyset(&this_one);
    sigaddset(&this_one, signal);
    pthread_sigmask(SIG_UNBLOCK, &this_one, nullptr);
    raise(signal);
    // The first process of a container is not ended by a signal's default action.
    _exit(128 + signal);
  }
  first_signal.store(signal);
  const struct sigaction &node = signal == SIGINT ? node_interrupt : node_terminate;
  if ((node.sa_flags & SA_SIGINFO) != 0) {
    node.sa_sigaction(signal, info, context);
  } else if (node.sa_handler != SIG_DFL && node.sa_handler != SIG_IGN) {
    node.sa_handler(signal);
  }
}

}  // namespace

void FollowStop(bool (*stops)()) { stops_elsewhere.store(stops); }

bool StopSignalSeen() {
  const auto stops = stops_elsewhere.load();
  return stops == nullptr ? first_ms.load() != 0 : stops();
}

const char *StopSignalName() {
  if (stops_elsewhere.load() != nullptr) return "the stop";
  return first_signal.load() == SIGTERM ? "SIGTERM" : "SIGINT";
}

void EndOnSecondSignal() {
  struct sigaction ours = {};
  ours.sa_sigaction = OnSignal;
  ours.sa_flags = SA_SIGINFO | SA_RESTART;
  sigfillset(&ours.sa_mask);
  sigaction(SIGINT, &ours, &node_interrupt);
  sigaction(SIGTERM, &ours, &node_terminate);
}

}  // namespace mmpy
