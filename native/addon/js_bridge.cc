#include "addon/js_bridge.h"

#include <algorithm>
#include <utility>

#include "addon/failure.h"
#include "routing/report_kind.h"

namespace mmpy {

namespace {

Napi::FunctionReference Function(const Napi::Object &callbacks, const char *name) {
  return Napi::Persistent(callbacks.Get(name).As<Napi::Function>());
}

}  // namespace

Napi::Object ToJavascript(Napi::Env env, const PythonException &exception) {
  auto places = Napi::Array::New(env, exception.places.size());
  for (uint32_t i = 0; i < exception.places.size(); ++i) {
    const PythonException::Place &place = exception.places[i];
    auto object = Napi::Object::New(env);
    object.Set("file", place.file);
    object.Set("line", static_cast<double>(place.line));
    object.Set("function", place.function);
    places.Set(i, object);
  }
  auto result = Napi::Object::New(env);
  result.Set("type", exception.type);
  result.Set("message", exception.message);
  if (exception.name) result.Set("name", *exception.name);
  if (exception.path) result.Set("path", *exception.path);
  result.Set("places", places);
  if (exception.address) result.Set("address", *exception.address);
  result.Set("text", exception.text);
  return result;
}

JsBridge::JsBridge(Napi::Env env, uv_loop_t *loop, Napi::Object callbacks, Napi::Object outbox)
    : env_(env),
      context_(std::make_unique<Napi::AsyncContext>(env, "midimonster")),
      deliver_(Function(callbacks, "deliver")),
      reports_(Function(callbacks, "reports")),
      intervals_(Function(callbacks, "intervals")),
      loop_(Function(callbacks, "loop")),
      tap_(Function(callbacks, "tap")),
      tasks_ended_(Function(callbacks, "tasksEnded")),
      delivery_(env),
      tapped_(env) {
  const auto instances = outbox.Get("instances").As<Napi::Uint32Array>();
  const auto channels = outbox.Get("channels").As<Napi::Uint32Array>();
  const auto values = outbox.Get("values").As<Napi::Float64Array>();
  outbox_instances_ = Napi::Persistent(instances);
  outbox_channels_ = Napi::Persistent(channels);
  outbox_values_ = Napi::Persistent(values);
  outbox_instances_data_ = instances.Data();
  outbox_channels_data_ = channels.Data();
  outbox_values_data_ = values.Data();
  outbox_capacity_ = std::min({instances.ElementLength(), channels.ElementLength(), values.ElementLength()});
  core_ = std::make_unique<Core>(loop, *this);
}

// Calls JavaScript, from a libuv callback or from within a call from JavaScript. TypeScript catches exceptions of its
// callbacks; any other exception is a bug and handled by Node as an uncaught exception.
void JsBridge::Call(const Napi::FunctionReference &function, std::initializer_list<napi_value> arguments) {
  napi_value result = nullptr;
  const napi_value callee = function.Value();  // also used as `this`, which must be an object and is ignored
  const napi_status status =
      napi_make_callback(env_, *context_, callee, callee, arguments.size(), arguments.begin(), &result);
  if (status == napi_pending_exception) {
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
  }
}

void JsBridge::EmitOutbox(size_t count) {
  core_->EmitFromOutside(outbox_instances_data_, outbox_channels_data_, outbox_values_data_,
                         std::min(count, outbox_capacity_));
}

InstanceId JsBridge::AddPython() {
  const auto id = static_cast<InstanceId>(core_->instance_count());
  auto instance = std::make_unique<PythonInstance>(*core_, id);
  PythonInstance *const added = instance.get();
  pythons_.resize(id + 1);
  core_->Add(std::move(instance));
  pythons_[id] = added;  // once it is there to stay
  return id;
}

InstanceId JsBridge::AddProcess() {
  const auto id = static_cast<InstanceId>(core_->instance_count());
  auto instance = std::make_unique<ProcessLink>(*core_, id);
  ProcessLink *const added = instance.get();
  processes_.resize(id + 1);
  core_->Add(std::move(instance));
  processes_[id] = added;
  return id;
}

void JsBridge::Deliver(InstanceId instance, const uint32_t *channels, const double *values, size_t count) {
  if (!alive_) return;
  if (instance < takers_.size() && takers_[instance] != nullptr) {
    const std::shared_ptr<BatchTaker> taker = takers_[instance];
    if (taker->Take(channels, values, count)) return;
  }
  const Napi::HandleScope scope(env_);
  if (!delivery_.Fill(channels, values, count)) return Failed("events for a backend are lost: out of memory");
  Call(deliver_, {Napi::Number::New(env_, instance), delivery_.channels(), delivery_.values(),
                  Napi::Number::New(env_, static_cast<double>(count))});
}

void JsBridge::Tapped(const uint32_t *channels, const double *values, size_t count) {
  if (!alive_) return;
  const Napi::HandleScope scope(env_);
  if (!tapped_.Fill(channels, values, count)) return Failed("events for a tap are lost: out of memory");
  Call(tap_, {tapped_.channels(), tapped_.values(), Napi::Number::New(env_, static_cast<double>(count))});
}

// Cold for its size: reports are rare.
[[gnu::cold]] void JsBridge::Tell(News news) {
  if (!alive_) return;
  const Napi::HandleScope scope(env_);
  if (!news.reports.empty()) {
    auto array = Napi::Array::New(env_, news.reports.size());
    for (uint32_t i = 0; i < news.reports.size(); ++i) {
      const Report &report = news.reports[i];
      auto object = Napi::Object::New(env_);
      object.Set("kind", KindName(report.kind));
      object.Set("instance", report.instance);
      object.Set("role", report.role);
      object.Set("subject", report.subject);
      object.Set("text", report.text);
      if (report.exception) object.Set("exception", ToJavascript(env_, *report.exception));
      if (report.value) object.Set("value", *report.value);
      if (!report.file.empty()) object.Set("file", report.file);
      array.Set(i, object);
    }
    Call(reports_, {array});
  }
  if (!news.intervals.empty()) {
    auto array = Napi::Float64Array::New(env_, 4 * news.intervals.size());
    double *next = array.Data();
    for (const IntervalChange &change : news.intervals) {
      *next++ = change.instance;
      *next++ = change.interval;
      *next++ = change.period_ms;
      *next++ = change.now_ms;
    }
    Call(intervals_, {array});
  }
  if (!news.loop.empty()) {
    auto array = Napi::Uint32Array::New(env_, news.loop.size());
    std::copy(news.loop.begin(), news.loop.end(), array.Data());
    Call(loop_, {array});
  }
  for (const InstanceId instance : news.ended) Call(tasks_ended_, {Napi::Number::New(env_, instance)});
}

void JsBridge::Failed(const char *what) {
  if (alive_) WarnOfFailure(env_, what);
}

// Persistent references to functions keep their closures alive; without this, a stopped core would never be freed.
void JsBridge::Release() {
  alive_ = false;
  midi_.reset();
  takers_.clear();
  context_.reset();
  for (Napi::FunctionReference *reference :
       {&deliver_, &reports_, &intervals_, &loop_, &tap_, &tasks_ended_, &stopped_}) {
    reference->Reset();
  }
  outbox_instances_.Reset();
  outbox_channels_.Reset();
  outbox_values_.Reset();
  delivery_.Release();
  tapped_.Release();
}

void JsBridge::Stop(Napi::Function stopped, std::function<void(bool)> done) {
  if (midi_ != nullptr) midi_->sequencer().Close();
  stopped_ = Napi::Persistent(stopped);
  core_->Stop([this, done = std::move(done)](bool in_use) {
    if (!alive_) return;
    const Napi::HandleScope scope(env_);
    Call(stopped_, {});
    Release();
    done(in_use);
  });
}

void JsBridge::Abandon(std::function<void()> done) {
  Release();
  core_->Abandon(std::move(done));
}

}  // namespace mmpy
