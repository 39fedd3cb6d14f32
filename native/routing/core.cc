#include "routing/core.h"

#include <chrono>
#include <thread>
#include <utility>

#include "instance/python_instance.h"

namespace mmpy {

namespace {

// Long enough that going round the loop (a few µs) hardly costs, short enough for interval jitter and signals.
constexpr uint64_t kSliceNs = 1'000'000;

constexpr uint64_t kHousekeepingMs = 1000;

// What a promise emits may lead to another promise, and libuv waits until none is left.
constexpr unsigned kMostEmitsInARow = 16;

// As CPython's own switch interval; and what a thread takes to wake up.
constexpr uint64_t kThreadsTurnMs = 5;
constexpr std::chrono::microseconds kWaking(50);

// Every event that comes in goes out again on the same channel.
class Loopback final : public Destination {
 public:
  explicit Loopback(Core &core) : core_(core) {}
  void Deliver(const Event *events, size_t count) override {
    for (size_t i = 0; i < count; ++i) core_.Emit(events[i].channel, events[i].value);
  }

 private:
  Core &core_;
};

class Javascript final : public Destination {
 public:
  Javascript(Core &core, InstanceId id) : core_(core), id_(id) { takes_whole_batches_ = true; }
  void Deliver(const Event *events, size_t count) override {
    core_.listener().DeliverToJavascript(id_, first_channel, events, count);
  }

  ChannelId first_channel = 0;

 private:
  Core &core_;
  const InstanceId id_;
};

}  // namespace

Core::Core(uv_loop_t *loop, CoreListener &listener) : loop_(loop), listener_(listener), now_ms_(uv_now(loop)) {
  // These three inits cannot fail but for running out of descriptors (async), and then the first Wake() is lost only.
  wake_.Open(handles_, this, [&](uv_async_t *handle) {
    return uv_async_init(loop, handle, [](uv_async_t *async) {
      if (async->data != nullptr) Entry entry(*static_cast<Core *>(async->data));
    });
  });
  idle_.Open(handles_, this, [&](uv_idle_t *handle) { return uv_idle_init(loop, handle); });
  housekeeping_.Open(handles_, this, [&](uv_timer_t *handle) { return uv_timer_init(loop, handle); });
}

Core::~Core() { CloseHandles(); }

InstanceId Core::Add(std::unique_ptr<Destination> destination) {
  router_.AddInstance(destination.get());
  instances_.push_back(std::move(destination));
  pythons_.push_back(nullptr);
  return static_cast<InstanceId>(instances_.size() - 1);
}

InstanceId Core::AddLoopback() { return Add(std::make_unique<Loopback>(*this)); }

InstanceId Core::AddJavascript() {
  return Add(std::make_unique<Javascript>(*this, static_cast<InstanceId>(instances_.size())));
}

InstanceId Core::AddPython() {
  auto instance = std::make_unique<PythonInstance>(*this, static_cast<InstanceId>(instances_.size()));
  PythonInstance *const python = instance.get();
  const InstanceId id = Add(std::move(instance));
  pythons_[id] = python;
  return id;
}

PythonInstance *Core::python(InstanceId instance) { return instance < pythons_.size() ? pythons_[instance] : nullptr; }

void Core::Connect(const std::vector<uint32_t> &first_channels, std::vector<uint32_t> offsets,
                   const std::vector<ChannelId> &targets) {
  const Entry entry(*this);  // Python threads may output meanwhile
  std::vector<InstanceId> owner(offsets.size() - 1);
  for (InstanceId id = 0; id < instances_.size(); ++id) {
    const size_t end = id + 1 < first_channels.size() ? first_channels[id + 1] : owner.size();
    for (size_t channel = first_channels[id]; channel < end; ++channel) owner[channel] = id;
    if (pythons_[id] != nullptr) pythons_[id]->SetFirstChannel(first_channels[id], end - first_channels[id]);
    if (auto *javascript = dynamic_cast<Javascript *>(instances_[id].get())) {
      javascript->first_channel = first_channels[id];
    }
  }
  std::vector<Target> rows;
  rows.reserve(targets.size());
  for (const ChannelId channel : targets) rows.push_back({channel, owner[channel]});
  router_.Connect(first_channels, std::move(offsets), std::move(rows));
  // Not before: it runs Python code, during which threads may output, by the new numbers.
  for (PythonInstance *python : pythons_) {
    if (python != nullptr) python->TakeHandlers();
  }
}

void Core::Run() {
  Entry entry(*this);
  state_ = State::kRunning;
  for (PythonInstance *python : pythons_) {
    if (python != nullptr) python->Begin();
  }
}

void Core::Retire(InstanceId instance) {
  const Entry entry(*this);
  if (pythons_[instance] != nullptr) pythons_[instance]->Retire();
}

// Any live thread state will do; whatever runs Python switches to its own. But a thread that computes hands the GIL
// over only to those that ask with a state of its own interpreter, up to CPython 3.12: so rather that of an instance
// with threads.
PyThreadState *Core::StateToEnterWith() const {
  const auto state_of = [&](size_t i) { return pythons_[i] == nullptr ? nullptr : pythons_[i]->state(); };
  if (entrance_ < pythons_.size() && state_of(entrance_) != nullptr) return state_of(entrance_);
  for (size_t i = 0; i < pythons_.size(); ++i) {
    if (PyThreadState *const state = state_of(i)) return state;
  }
  return nullptr;
}

// With the GIL, on the way out, at most once a millisecond.
void Core::LookForThreads() {
  if (now_ms() == looked_for_ms_) return;
  looked_for_ms_ = now_ms();
  // It took long to get in: somebody else's threads compute.
  const uint64_t requests = PythonRuntime::Get().gil_requests().made();
  const size_t first = requests == requests_seen_ ? 0 : 1;
  requests_seen_ = requests;
  threads_ = false;
  for (size_t i = 0; i < pythons_.size(); ++i) {
    const size_t at = (entrance_ + first + i) % pythons_.size();
    if (pythons_[at] == nullptr || !pythons_[at]->HasThreads()) continue;
    threads_ = true;
    entrance_ = static_cast<InstanceId>(at);
    return;
  }
}

// Between slices of a backlog the GIL is free for so short that a thread which waits for it would hardly ever get it.
void Core::LetThreadsRun() {
  if (!threads_ || uv_now(loop_) - threads_let_run_ms_ < kThreadsTurnMs) return;
  threads_let_run_ms_ = uv_now(loop_);
  std::this_thread::sleep_for(kWaking);
}

void Core::Drain() { KeepBacklog(router_.Drain(kSliceNs) == Router::Drained::kOutOfTime); }

void Core::KeepBacklog(bool backlog) {
  backlog_ = backlog;
  if (!idle_) return;
  if (backlog_) {
    uv_idle_start(idle_.get(), [](uv_idle_t *idle) {
      auto *core = static_cast<Core *>(idle->data);
      if (core == nullptr) return;
      core->LetThreadsRun();
      Entry entry(*core, Entry::Purpose::kBacklog);
    });
  } else {
    uv_idle_stop(idle_.get());
  }
}

void Core::Wake() {
  if (wake_) uv_async_send(wake_.get());
}

void Core::StartHousekeeping() {
  if (!housekeeping_ || uv_is_active(reinterpret_cast<uv_handle_t *>(housekeeping_.get())) != 0) return;
  uv_timer_start(
      housekeeping_.get(),
      [](uv_timer_t *timer) {
        auto *core = static_cast<Core *>(timer->data);
        if (core == nullptr) return;
        Entry entry(*core);
        bool watching = false;
        for (PythonInstance *python : core->pythons_) {
          if (python != nullptr) watching |= python->DropClosedSockets();
        }
        if (!watching) uv_timer_stop(timer);
      },
      kHousekeepingMs, kHousekeepingMs);
}

void Core::CloseHandles() {
  wake_.Close();
  idle_.Close();
  housekeeping_.Close();
}

void Core::Stop(std::function<void(bool)> done) {
  bool in_use = false;
  {
    Entry entry(*this);
    state_ = State::kStopped;
    router_.Clear();
    for (PythonInstance *python : pythons_) {
      if (python != nullptr) python->CleanUp();
    }
    // The last one first: an extension module that is not made for several interpreters belongs to the one that
    // imported it first, and the others' copies refer to it.
    for (auto python = pythons_.rbegin(); python != pythons_.rend(); ++python) {
      if (*python != nullptr && !(*python)->Stop()) in_use = true;
    }
  }
  CloseHandles();
  handles_->WhenNone([in_use, done = std::move(done)]() { done(in_use); });
}

void Core::Abandon(std::function<void()> done) {
  state_ = State::kStopped;
  {
    // With the GIL, since Python threads may be about to call the module's functions.
    std::optional<GilScope> gil;
    for (PythonInstance *python : pythons_) {
      if (python == nullptr) continue;
      if (!gil && python->state() != nullptr) {
        gil.emplace(PythonRuntime::Get().gil(), PythonRuntime::Get().main_state());
      }
      python->Abandon();
    }
  }
  CloseHandles();
  handles_->WhenNone(std::move(done));
}

Core::Entry::Entry(Core &core, Purpose purpose) : core_(core), purpose_(purpose) {
  if (core_.depth_ > 0) {  // the outermost entry holds the GIL
    ++core_.depth_;
    return;
  }
  core_.now_ms_.store(uv_now(core_.loop_), std::memory_order_relaxed);
  if (PyThreadState *const state = core_.StateToEnterWith()) {
    PythonRuntime &runtime = PythonRuntime::Get();
    gil_.emplace(runtime.gil(), state);
    runtime.ShareEnvironment();
  }
  ++core_.depth_;
}

Core::Entry::~Entry() {
  Core &core = core_;
  if (core.depth_ > 1) {
    --core.depth_;
    return;
  }
  // While there is a backlog, whoever else enters only queues: the backlog's slices keep the order.
  const bool backlog_elsewhere = core.backlog_ && purpose_ != Purpose::kBacklog;
  core.emits_in_a_row_ = purpose_ == Purpose::kEmit ? core.emits_in_a_row_ + 1 : 0;
  if (core.state_ == State::kRunning && !core.held_ && !core.router_.empty() && !backlog_elsewhere) {
    if (core.emits_in_a_row_ > kMostEmitsInARow) {
      core.KeepBacklog(true);
    } else {
      core.Drain();
    }
  }
  if (core.router_.has_losses()) {
    for (const auto &[instance, count] : core.router_.TakeLosses()) {
      core.news_.reports.push_back({Report::Kind::kEventsLost, instance, "", "", "", static_cast<double>(count)});
    }
  }
  if (core.router_.loop_found()) core.news_.loop = core.router_.TakeLoop();
  if (gil_) core.LookForThreads();
  News news = core.news_.empty() ? News() : std::exchange(core.news_, {});
  --core.depth_;
  gil_.reset();
  if (!news.empty()) core.listener_.Tell(std::move(news));
}

}  // namespace mmpy
