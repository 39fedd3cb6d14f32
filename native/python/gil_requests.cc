#include "python/gil_requests.h"

#include <chrono>
#include <exception>
#include <thread>

#include "io/background_thread.h"

namespace mmpy {

namespace {

// A stay that lasts from one check to the next is longer than CPython's switch interval.
constexpr auto kPeriod = std::chrono::milliseconds(25);
constexpr auto kPause = std::chrono::milliseconds(5);

}  // namespace

void GilRequests::Start() {
  StartBackgroundThread([this] { Run(); });
}

void GilRequests::Run() {
  uint64_t seen = 0;
  for (;;) {
    std::this_thread::sleep_for(kPeriod);
    const uint64_t stay = gil_.stay();
    if (stay != 0 && stay == seen) Make(stay);
    seen = stay;
  }
}

void GilRequests::Add(PyInterpreterState *interpreter, PyThreadState *own) {
  const std::lock_guard<std::mutex> lock(mutex_);
  known_[interpreter].own = own;
}

void GilRequests::Remove(PyInterpreterState *interpreter) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto place = known_.find(interpreter);
  if (place == known_.end()) return;
  place->second.leaving = true;
  // Not wait(), which needs a newer libstdc++ than supported systems have.
  while (place->second.asking) one_is_done_.wait_for(lock, std::chrono::seconds(1));
  known_.erase(place);
}

void GilRequests::Make(uint64_t stay) {
  const std::lock_guard<std::mutex> lock(mutex_);
  bool any = false;
  for (auto &[interpreter, known] : known_) {
    // The newest thread state is the first. Only compared, since it may be about to be deleted.
    if (known.asking || known.leaving || PyInterpreterState_ThreadHead(interpreter) == known.own) continue;
    try {
      StartBackgroundThread([this, interpreter = interpreter, &known = known, stay] { Ask(interpreter, known, stay); });
      known.asking = any = true;
    } catch (const std::exception &) {
      break;  // no more threads can be created at the moment, or there is no memory for them
    }
  }
  if (any) made_.fetch_add(1, std::memory_order_relaxed);
}

void GilRequests::Ask(PyInterpreterState *interpreter, Known &known, uint64_t stay) {
  PyThreadState *const state = PyThreadState_New(interpreter);
  const auto is_over = [&] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return known.leaving || gil_.stay() != stay;
  };
  while (state != nullptr) {
    PyEval_RestoreThread(state);
    if (is_over()) {
      PyThreadState_Clear(state);
      PyEval_SaveThread();
      PyThreadState_Delete(state);
      break;
    }
    PyEval_SaveThread();
    std::this_thread::sleep_for(kPause);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  known.asking = false;
  one_is_done_.notify_all();
}

}  // namespace mmpy
