#include "io/forked.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>

int mmpy_forked = 0;

namespace mmpy {

namespace {

// One for each instance that watches descriptors. Any thread of the process may fork at any time, Node's too, so there
// is no lock here; more than these stay open in a child, which does not use them.
std::array<std::atomic<int>, 1024> to_close;  // descriptors plus one; 0 is a free place

ForkListener listener = {nullptr, nullptr};
pthread_t loop_thread;
pthread_key_t at_thread_end;

bool Exchange(int before, int after) {
  for (std::atomic<int> &place : to_close) {
    int expected = before;
    if (place.compare_exchange_strong(expected, after)) return true;
  }
  return false;
}

// libuv's handlers write to a pipe that the parent reads: a signal for the child would act on the parent.
void ResetSignals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action = {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    const bool is_caught =
        (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
    if (!is_caught) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, nullptr);
  }
}

// A signal that arrives between a fork and ResetSignals() waits until then.
thread_local sigset_t mask_before;

void BeforeFork() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask_before);
}

void InParent() { pthread_sigmask(SIG_SETMASK, &mask_before, nullptr); }

// Also in the children of Node itself, which execute another program at once.
void InChild() {
  mmpy_forked = 1;
  for (std::atomic<int> &place : to_close) {
    const int fd = place.exchange(0) - 1;  // a child may fork again, when the number belongs to another file
    if (fd >= 0) close(fd);
  }
  ResetSignals();
  listener.begin();
  // A child of a Python thread has only that thread, and ends with it. Without this, the C library would run exit()
  // then, with Node's handlers for it.
  if (pthread_equal(pthread_self(), loop_thread) == 0) pthread_setspecific(at_thread_end, &mmpy_forked);
  pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
}

}  // namespace

void ListenToForks(const ForkListener &its) {
  if (listener.begin != nullptr) return;
  listener = its;
  loop_thread = pthread_self();
  pthread_key_create(&at_thread_end, [](void *) { mmpy_end_forked(0); });
  pthread_atfork(BeforeFork, InParent, InChild);
}

void CloseInForkedChildren(int fd) { Exchange(0, fd + 1); }

void KeepInForkedChildren(int fd) { Exchange(fd + 1, 0); }

}  // namespace mmpy

void mmpy_end_forked(int holds_gil) {
  const int status = mmpy::listener.end == nullptr ? 0 : mmpy::listener.end(holds_gil != 0);
  _exit(status);
}
