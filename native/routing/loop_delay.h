// For how long the loop was busy in each of its turns: by that, what came meanwhile was delayed. Needs no timer of its
// own, and nothing while it is off.
#ifndef MMPY_LOOP_DELAY_H
#define MMPY_LOOP_DELAY_H

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "io/uv_handle.h"

namespace mmpy {

class LoopDelay {
 public:
  // Upper limits, inclusive; the last count is of those beyond. The same as in lib/web/metrics.
  static constexpr uint64_t kLimitsNs[] = {1'000'000,  2'500'000,   5'000'000,   10'000'000,   25'000'000,
                                           50'000'000, 100'000'000, 250'000'000, 1'000'000'000};
  static constexpr size_t kCounts = sizeof(kLimitsNs) / sizeof(*kLimitsNs) + 1;

  void Open(uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles) {
    prepare_.Open(handles, this, [&](uv_prepare_t *handle) { return uv_prepare_init(loop, handle); });
  }
  void Close() { prepare_.Close(); }

  void Measure(bool on) {
    if (!prepare_) return;
    uv_prepare_stop(prepare_.get());
    last_ns_ = 0;
    if (!on) return;
    uv_prepare_start(prepare_.get(), [](uv_prepare_t *handle) {
      auto *delay = static_cast<LoopDelay *>(handle->data);
      if (delay != nullptr) delay->Turn(uv_hrtime(), uv_metrics_idle_time(handle->loop));
    });
  }

  // A turn ends, before the loop waits: `idle_ns` is for how long it has waited in all.
  void Turn(uint64_t now_ns, uint64_t idle_ns) {
    if (last_ns_ != 0) Add(now_ns - last_ns_ - (idle_ns - last_idle_ns_));
    last_ns_ = now_ns;
    last_idle_ns_ = idle_ns;
  }

  const uint64_t *counts() const { return counts_; }
  uint64_t sum_ns() const { return sum_ns_; }

 private:
  void Add(uint64_t busy_ns) {
    size_t i = 0;
    while (i + 1 < kCounts && busy_ns > kLimitsNs[i]) ++i;
    ++counts_[i];
    sum_ns_ += busy_ns;
  }

  UvHandle<uv_prepare_t> prepare_;
  uint64_t last_ns_ = 0;
  uint64_t last_idle_ns_ = 0;
  uint64_t counts_[kCounts] = {};
  uint64_t sum_ns_ = 0;
};

}  // namespace mmpy

#endif
