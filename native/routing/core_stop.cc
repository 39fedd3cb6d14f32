// The end of instances, and of the core with all of them.
#include <utility>

#include "io/steady_ms.h"
#include "routing/core.h"

namespace mmpy {

namespace {

// How long a stop waits for cleanup handlers and other user code of all instances together; then for threads.
constexpr uint64_t kStopCodeMs = 8000;

}  // namespace

// Each step in all instances before the next one, so that their threads end at the same time. The last one first: an
// extension module that is not made for several interpreters belongs to the one that imported it first, and the others'
// copies refer to it. Returns until when threads may take to end.
template <typename IdOf>
uint64_t Core::EndThreadsOf(size_t count, IdOf &&id_of) {
  uint64_t until_ms = 0;
  for (const EndThreads step : {EndThreads::kRelease, EndThreads::kJoin, EndThreads::kInterrupt}) {
    if (step != EndThreads::kRelease) until_ms = SteadyMs() + PatienceMs(step);
    for (size_t i = count; i-- > 0;) Try([&] { instances_[id_of(i)]->StopThreads(step, until_ms); });
  }
  return until_ms;
}

void Core::Retire(const std::vector<InstanceId> &instances) {
  const Entry entry(*this);
  for (const InstanceId id : instances) Try([&] { instances_[id]->CleanUp(); });
  const uint64_t until_ms = EndThreadsOf(instances.size(), [&](size_t i) { return instances[i]; });
  for (auto id = instances.rbegin(); id != instances.rend(); ++id) {
    Try([&] { instances_[*id]->Retire(until_ms); });
    router_.Release(*id);
  }
}

void Core::CloseHandles() {
  alarm_.Close();
  loop_delay_.Close();
  wake_.Close();
  idle_.Close();
  housekeeping_.Close();
  filter_timer_.Close();
}

size_t Core::BeginStop() {
  const Entry entry(*this);
  state_ = State::kEnding;
  router_.Clear();
  stops_by_ms_ = SteadyMs() + kStopCodeMs;
  for (const auto &instance : instances_) Try([&] { instance->CleanUp(); });
  size_t waiting = 0;
  for (const auto &instance : instances_) {
    Try([&] { waiting += instance->BeginEnd(stops_by_ms_) ? 1 : 0; });
  }
  return waiting;
}

bool Core::BeginRetire(InstanceId instance) {
  const Entry entry(*this);
  instances_[instance]->CleanUp();
  return instances_[instance]->BeginEnd(SteadyMs() + kStopCodeMs);
}

void Core::Stop(std::function<void(bool)> done) {
  bool in_use = false;
  {
    const Entry entry(*this);
    state_ = State::kStopped;
    router_.Clear();
    stops_by_ms_ = SteadyMs() + kStopCodeMs;
    // Whatever fails, the rest is to be done.
    for (const auto &instance : instances_) Try([&] { instance->CleanUp(); });
    const uint64_t until_ms = EndThreadsOf(instances_.size(), [](size_t i) { return i; });
    for (auto instance = instances_.rbegin(); instance != instances_.rend(); ++instance) {
      bool ended = false;  // one that fails midway may have threads inside
      Try([&] { ended = (*instance)->Stop(until_ms); });
      if (!ended) in_use = true;
    }
    stops_by_ms_ = 0;
  }
  CloseHandles();
  handles_->WhenNone([in_use, done = std::move(done)]() { done(in_use); });
}

void Core::Abandon(std::function<void()> done) {
  state_ = State::kStopped;
  // Threads may be about to call the module's functions.
  CodeLock *const lock = depth_ > 0 ? nullptr : Entrance();
  if (lock != nullptr) lock->Take();
  for (const auto &instance : instances_) instance->Abandon();
  if (lock != nullptr) {
    lock->Release();
    lock->AwaitObservers();  // `done` may destroy the instances
  }
  CloseHandles();
  handles_->WhenNone(std::move(done));
}

}  // namespace mmpy
