#include "child/process.h"

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "child/event_loop.h"
#include "child/json.h"
#include "io/steady_ms.h"
#include "io/stop_signals.h"
#include "python/runtime.h"
#include "routing/report_kind.h"

namespace mmpy {

namespace {

const std::atomic<uint32_t> *router_phase = nullptr;

constexpr InstanceId kPython = 0;
constexpr uint64_t kLastEventsMs = 200;
constexpr uint64_t kLastReportsMs = 2000;
constexpr size_t kAtOnce = 4096;  // events, before sockets and requests have their turn

std::string TextsAsJson(const std::vector<std::string> &texts) {
  return JsonArray(texts, [](const std::string &text) { return Quoted(text); });
}

std::string JsonOf(const Report &report) {
  JsonObject object;
  object.Add("kind", Quoted(KindName(report.kind)))
      .Add("role", Quoted(report.role))
      .Add("subject", Quoted(report.subject))
      .Add("text", Quoted(report.text));
  if (report.exception) object.Add("exception", JsonOf(*report.exception));
  if (report.value) object.Add("value", Number(*report.value));
  if (!report.file.empty()) object.Add("file", Quoted(report.file));
  return object.text();
}

uint32_t NumberOf(const std::string &text) { return static_cast<uint32_t>(strtoul(text.c_str(), nullptr, 10)); }

std::vector<uint32_t> NumbersOf(const Request &request, size_t from, size_t to) {
  std::vector<uint32_t> numbers;
  for (size_t i = from; i < std::min(to, request.size()); ++i) numbers.push_back(NumberOf(request[i]));
  return numbers;
}

}  // namespace

Process::Process(SharedMemory &shared, std::string start_file)
    : shared_(shared),
      start_file_(std::move(start_file)),
      reader_(shared.to_process),
      core_(ChildLoop(), *this),
      intervals_(ChildLoop(),
                 [this](const std::vector<uint32_t> &due) {
                   const Core::Entry entry(core_);
                   for (const uint32_t interval : due) python_->RunInterval(interval);
                 }),
      requests_(ChildLoop(), kRequestsFd, [this](const Request &request) { return Answer(request); }),
      reports_(ChildLoop(), kReportsFd, [this](const Request &request) { return Answer(request); }) {
  core_.budget().SetLimit(shared.queue_limit.load());
  wake_.Open(core_.handles(), this, [](uv_poll_t *poll) { return uv_poll_init(ChildLoop(), poll, kWakeFd); });
  uv_poll_start(wake_.get(), UV_READABLE, [](uv_poll_t *poll, int, int) {
    if (auto *const process = static_cast<Process *>(poll->data)) process->Turn();
  });
  more_.Open(core_.handles(), this, [](uv_idle_t *idle) { return uv_idle_init(ChildLoop(), idle); });
}

void Process::Run() {
  // For the watchdog, which also looks while code does not return.
  router_phase = &shared_.phase;
  FollowStop([] { return router_phase->load() == SharedMemory::kStopping; });
  while (!ended_) RunChildLoopOnce(shared_.busy_ms);
  // Not from Tell(), within which what the core has to tell would wait for its loop.
  core_.Stop([](bool) {});
  reports_.SendRest(SteadyMs() + kLastReportsMs);
}

// What the router has done to its core: there are no messages about it, which would come too early or too late.
void Process::FollowRouter() {
  if (python_ == nullptr) return;
  const uint32_t mappings = shared_.mappings.load();
  if (std::exchange(mappings_, mappings) != mappings) Connect();
  const uint32_t phase = shared_.phase.load();
  if (phase == SharedMemory::kRunning && !std::exchange(runs_, true)) {
    FixChannels();
    intervals_.Start();
    core_.Run();
    Receive();
  }
  if (phase == SharedMemory::kStopping && stop_by_ms_ == 0) stop_by_ms_ = SteadyMs() + kLastEventsMs;
}

// Only now: threads of user code, which go on while the router maps channels, may output on those that come next.
void Process::FixChannels() {
  const Core::Entry entry(core_);
  python_->FixChannels();
}

// Each channel to itself on the other side, if the router has mapped it.
void Process::Connect() {
  const uint32_t count = python_->channels().size();
  std::vector<uint32_t> counts(2 * size_t{count} + 1, 0);
  for (const uint32_t channel : outputs_) {
    if (channel < count) counts[channel + 1] = 1;
  }
  for (const uint32_t channel : inputs_) {
    if (channel < count) counts[count + channel + 1] = 1;
  }
  std::vector<ChannelId> targets;
  for (uint32_t channel = 0; channel < 2 * count; ++channel) {
    if (counts[channel + 1] != 0) targets.push_back(channel < count ? channel + count : channel - count);
    counts[channel + 1] += counts[channel];
  }
  core_.Connect({0, count}, std::move(counts), targets);
}

bool Process::Follows() const {
  return shared_.mappings.load() == mappings_ && (shared_.phase.load() != SharedMemory::kStopping || stop_by_ms_ != 0);
}

void Process::Turn() {
  if (runs_ && !stopping_) {
    FollowRouter();
    return Receive();
  }
  GoOn(false);
  TakeWakeUps(kWakeFd);
  FollowRouter();
  if (!runs_) BeginStopOnceIdle(true);
}

void Process::GoOn(bool wanted) {
  if (!wanted) {
    uv_idle_stop(more_.get());
    return;
  }
  uv_idle_start(more_.get(), [](uv_idle_t *idle) {
    if (auto *const process = static_cast<Process *>(idle->data)) process->Turn();
  });
}

void Process::Receive() {
  if (stopping_) return;
  RingEvent events[kAtOnce];
  bool idle = core_.idle();
  const size_t count = idle ? reader_.Read(events, traced_ ? 1 : kAtOnce) : 0;
  if (count > 0) {
    NoteTrail(events, count);
    const Core::Entry entry(core_);
    const ChannelId first = elsewhere_->first();
    for (size_t i = 0; i < count; ++i) {
      if (events[i].channel < first) core_.Emit(first + events[i].channel, events[i].value);
    }
  }
  // Only now, since the first handler is not to wait for it. No event is written to wake while it is awake; what else
  // it may have been woken for is looked at below.
  TakeWakeUps(kWakeFd);
  elsewhere_->Flush();
  idle = core_.idle();
  if (idle && !elsewhere_->waits()) {
    shared_.handled.store(reader_.read());
    elsewhere_->SetTrail(0);
  }
  if (reader_.Free()) WakeUp(kRouterWakeFd);
  GoOn(!idle || !reader_.Sleep() || !Follows() || stop_by_ms_ != 0);
  BeginStopOnceIdle(idle && count == 0);
}

// Says of what the output that follows is an effect.
void Process::NoteTrail(const RingEvent *events, size_t count) {
  Trail hops = 0;
  traced_ = false;
  for (size_t i = 0; i < count; ++i) {
    if (events[i].trail < kTraced) {
      hops = std::max(hops, events[i].trail);
    } else {
      traced_ = true;
    }
  }
  elsewhere_->SetTrail(count == 1 && traced_ ? kTraced | events[0].channel : hops);
}

// What came before the stop is handled, as in the router's process.
void Process::BeginStopOnceIdle(bool idle) {
  if (stop_by_ms_ == 0 || (!idle && SteadyMs() < stop_by_ms_)) return;
  stopping_ = true;
  intervals_.Stop();
  if (core_.BeginStop() == 0) ended_ = true;
}

void Process::Tell(News news) {
  for (const IntervalChange &change : news.intervals) {
    intervals_.Set(change.interval, change.period_ms, change.now_ms);
  }
  if (!news.reports.empty()) {
    reports_.Send(
        JsonObject().Add("reports", JsonArray(news.reports, [](const Report &one) { return JsonOf(one); })).text());
  }
  if (news.failure != nullptr) Failed(news.failure);
  if (!news.ended.empty() && stopping_) ended_ = true;
}

void Process::Failed(const char *what) { reports_.Send(JsonObject().Add("failed", Quoted(what)).text()); }

// Requests

std::string Process::Start(const Request &request) {
  const auto field = [&](size_t i) { return i < request.size() ? request[i] : std::string(); };
  PythonOptions options;
  options.bootstrap_path = start_file_;
  options.program_name = field(11);
  PythonRuntime &runtime = PythonRuntime::Get();
  const PythonLoadError error = runtime.StartWithin(options);
  if (error) return Quoted(error.message);
  runtime.watchdog().SetLimits(NumberOf(field(4)), NumberOf(field(5)));
  runtime.watchdog().SetPrinting(LogFormatNamed(field(9)), field(10) == "errors");
  if (field(6) == "checking") core_.SetChecking();
  runtime.SetStreamFormats({field(7), field(8)});
  auto python = std::make_unique<PythonInstance>(core_, kPython);
  python_ = python.get();
  core_.Add(std::move(python));
  auto elsewhere = std::make_unique<Elsewhere>(core_, shared_.to_router, kRouterWakeFd);
  elsewhere_ = elsewhere.get();
  core_.Add(std::move(elsewhere));
  return Quoted(python_->Start(Interpreter::Kind::kMain, field(1), field(2), field(3)));
}

std::string Process::Names(const Request &request) {
  const ChannelTable &table = python_->channels();
  std::vector<std::string> names;
  for (uint32_t i = request.size() > 1 ? NumberOf(request[1]) : 0; i < table.size(); ++i) {
    names.emplace_back(table.name(i));
  }
  return TextsAsJson(names);
}

std::string Process::AddChannels(const Request &request) {
  std::vector<uint32_t> indices;
  const Core::Entry entry(core_);
  for (size_t i = 1; i < request.size(); ++i) indices.push_back(python_->AddChannel(request[i]));
  return JsonArray(indices, [](uint32_t index) { return std::to_string(index); });
}

std::string Process::Resolve(const Request &request) {
  const Core::Entry entry(core_);
  std::vector<uint32_t> channels = NumbersOf(request, 2, request.size());
  const auto unknown = [&](uint32_t channel) { return channel >= python_->channels().size(); };
  channels.erase(std::remove_if(channels.begin(), channels.end(), unknown), channels.end());
  return JsonArray(python_->Resolve(channels, request.size() > 1 ? request[1] : ""), [](const ResolveError &error) {
    const bool is_default = error.channel == Channels::kNone;
    return JsonObject()
        .Add("channel", is_default ? "-1" : std::to_string(error.channel))
        .Add("problem", Quoted(error.problem))
        .Add("candidates", TextsAsJson(error.candidates))
        .Add("advice", TextsAsJson(error.advice))
        .text();
  });
}

void Process::NoteMapped(const Request &request) {
  const size_t inputs = request.size() > 1 ? NumberOf(request[1]) : 0;
  inputs_ = NumbersOf(request, 2, 2 + inputs);
  outputs_ = NumbersOf(request, 2 + inputs, request.size());
}

std::string Process::Reload() {
  const PythonInstance::Reloaded reloaded = python_->ReloadChanged();
  return JsonObject()
      .Add("modules", TextsAsJson(reloaded.modules))
      .Add("exception", JsonOf(reloaded.exception))
      .Add("missing",
           JsonArray(reloaded.missing,
                     [](const PythonInstance::Reloaded::Missing &one) {
                       return JsonObject().Add("module", Quoted(one.module)).Add("file", Quoted(one.file)).text();
                     }))
      .text();
}

std::string Process::Answer(const Request &request) {
  const std::string &what = request.empty() ? std::string() : request[0];
  if (what == "start") return Start(request);
  if (python_ == nullptr || !python_->usable()) return "null";
  FollowRouter();
  if (what == "addChannels") return AddChannels(request);
  if (what == "names") return Names(request);
  if (what == "resolve") return Resolve(request);
  if (what == "activity") return std::to_string(python_->activity());
  const Core::Entry entry(core_);
  if (what == "mapped") {
    NoteMapped(request);
  } else if (what == "load" && request.size() > 2) {
    return JsonOf(python_->LoadModule(request[1], request[2]));
  } else if (what == "idle" && request.size() > 1) {
    const auto idle = python_->IdleModule(request[1]);
    if (!idle) return "null";
    return JsonObject()
        .Add("name", Quoted(idle->name))
        .Add("file", Quoted(idle->file))
        .Add("guard", Number(static_cast<double>(idle->guard)))
        .text();
  } else if (what == "fix") {
    if (runs_) python_->FixChannels();
  } else if (what == "sources") {
    return TextsAsJson(python_->SourceFiles());
  } else if (what == "parse") {
    return JsonOf(python_->ParseChanged());
  } else if (what == "begin") {
    core_.Hold(true);
    python_->BeginReload();
  } else if (what == "reload") {
    return Reload();
  } else if (what == "end" && request.size() > 1) {
    python_->EndReload(request[1] == "keep");
    core_.Hold(false);
  }
  return "null";
}

}  // namespace mmpy
