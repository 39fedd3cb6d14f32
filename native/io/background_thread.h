// Background threads, in addition to the loop's and Python's.
#ifndef MMPY_BACKGROUND_THREAD_H
#define MMPY_BACKGROUND_THREAD_H

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

#include "io/guard.h"

namespace mmpy {

// Runs a function on a detached thread that gets no signals: those are for Node's threads. An exception ends the
// thread. Throws std::system_error if the system can't create another thread, and std::bad_alloc.
template <typename Function>
void StartBackgroundThread(Function function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([function = std::move(function)]() mutable { Guard(function, [](const char *) {}); }).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace mmpy

#endif
