// The memory that all queues of a core may take together: an event that leads to many, in a loop, would otherwise take
// all there is.
#ifndef MMPY_QUEUE_BUDGET_H
#define MMPY_QUEUE_BUDGET_H

#include <atomic>
#include <cstddef>

namespace mmpy {

class QueueBudget {
 public:
  static constexpr size_t kDefault = size_t{256} << 20;

  void SetLimit(size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }

  // Whether so much more may be allocated; then it counts. An eighth is left to those that ask for little, so that a
  // queue that takes whatever it gets does not keep events of others from being queued. From any thread.
  bool Take(size_t bytes, bool is_little) {
    const size_t limit = limit_.load(std::memory_order_relaxed);
    const size_t allowed = is_little ? limit : limit - limit / 8;
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes > allowed) {
      Give(bytes);
      return false;
    }
    has_grown_.store(true, std::memory_order_relaxed);
    return true;
  }
  void Give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t used() const { return used_.load(std::memory_order_relaxed); }

  // Whether anything was taken since the last call.
  bool TakeGrown() {
    return has_grown_.load(std::memory_order_relaxed) && has_grown_.exchange(false, std::memory_order_relaxed);
  }

 private:
  std::atomic<size_t> limit_{kDefault};
  std::atomic<size_t> used_{0};
  std::atomic<bool> has_grown_{false};
};

}  // namespace mmpy

#endif
