// The addon's state for one Node environment (the main thread or a worker): its loop and its cores. Lives until the
// environment's asynchronous cleanup is done; a plain cleanup hook or a finalizer would leave handles open when the
// addon is only loaded in a worker thread.
#ifndef MMPY_ENVIRONMENT_H
#define MMPY_ENVIRONMENT_H

#include <napi.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "addon/js_bridge.h"
#include "addon/udp_bridge.h"
#include "io/loop_sockets.h"

namespace mmpy {

class Environment {
 public:
  explicit Environment(Napi::Env env) {
    napi_get_uv_event_loop(env, &loop_);
    SetLoopOfThread(loop_);
    napi_add_async_cleanup_hook(env, &Environment::CleanUp, this, &hook_);
  }

  uv_loop_t *loop() const { return loop_; }
  uint64_t id() const { return id_; }
  UdpSockets &udp(Napi::Env env) {
    if (udp_ == nullptr) udp_ = std::make_unique<UdpSockets>(env, loop_);
    return *udp_;
  }
  void Add(std::shared_ptr<JsBridge> bridge) { bridges_.push_back(std::move(bridge)); }
  // `in_use`: a Python thread that did not end may be inside it until the process ends.
  void Forget(const JsBridge *stopped, bool in_use) {
    const auto place = std::find_if(bridges_.begin(), bridges_.end(),
                                    [&](const std::shared_ptr<JsBridge> &bridge) { return bridge.get() == stopped; });
    if (place == bridges_.end()) return;
    if (in_use) KeptForEver().push_back(*place);
    bridges_.erase(place);
  }

 private:
  static void CleanUp(napi_async_cleanup_hook_handle, void *data) {
    auto *environment = static_cast<Environment *>(data);
    SetLoopOfThread(nullptr);
    // One more than there are, so that the count can't reach zero before all have begun.
    environment->open_ = environment->bridges_.size() + 2;
    for (const auto &bridge : environment->bridges_) bridge->Abandon([environment]() { environment->CloseOne(); });
    const auto udp_closed = [environment] { environment->CloseOne(); };
    if (environment->udp_ != nullptr) {
      environment->udp_->Abandon(udp_closed);
    } else {
      udp_closed();
    }
    environment->CloseOne();
  }

  // Intentionally never freed but still reachable, so that it is not reported as a leak. Python belongs to the thread
  // of one environment.
  static std::vector<std::shared_ptr<JsBridge>> &KeptForEver() {
    static auto *const kept = std::make_unique<std::vector<std::shared_ptr<JsBridge>>>().release();
    return *kept;
  }

  void CloseOne() {
    if (--open_ > 0) return;
    napi_async_cleanup_hook_handle hook = hook_;
    const std::unique_ptr<Environment> self(this);
    napi_remove_async_cleanup_hook(hook);
  }

  // Not its address, which a later environment may reuse.
  static uint64_t NextId() {
    static std::atomic<uint64_t> last{0};
    return ++last;
  }

  const uint64_t id_ = NextId();
  std::vector<std::shared_ptr<JsBridge>> bridges_;
  std::unique_ptr<UdpSockets> udp_;  // once there is any
  uv_loop_t *loop_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  size_t open_ = 0;
};

}  // namespace mmpy

#endif
