// The values that wait in delays, of all pairs together: a list for each delay, in the order in which they came.
// Bounded: when there are too many, or no memory for one more, the oldest of all is lost.
#ifndef MMPY_DELAY_POOL_H
#define MMPY_DELAY_POOL_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "routing/queue_budget.h"

namespace mmpy {

class DelayPool {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kMax = size_t{1} << 20;

  struct Node {
    double value;
    double due;
    uint32_t next;   // of its list
    uint32_t older;  // of all
    uint32_t newer;
    uint32_t owner;  // what its list is called by its owner
  };

  // What it takes counts in the budget, which outlives it.
  explicit DelayPool(QueueBudget &budget) : budget_(budget) {}
  ~DelayPool() { budget_.Give(nodes_.capacity() * sizeof(Node)); }
  DelayPool(const DelayPool &) = delete;
  DelayPool &operator=(const DelayPool &) = delete;

  // A new node, the last of `owner`'s list after `tail`; kNone if there is no memory for a single one. The oldest node
  // of all may go for it: `lose` is called with it first, and takes it from its list.
  template <typename Lose>
  uint32_t Add(uint32_t owner, double value, double due, Lose &&lose) {
    if (free_ == kNone && !Grow()) {
      ++lost_;
      if (oldest_ == kNone) return kNone;
      const uint32_t oldest = oldest_;
      lose(oldest);
      Free(oldest);
    }
    const uint32_t node = free_;
    free_ = nodes_[node].next;
    nodes_[node] = {value, due, kNone, newest_, kNone, owner};
    (newest_ == kNone ? oldest_ : nodes_[newest_].newer) = node;
    newest_ = node;
    return node;
  }

  void Free(uint32_t index) {
    Node &node = nodes_[index];
    (node.older == kNone ? oldest_ : nodes_[node.older].newer) = node.newer;
    (node.newer == kNone ? newest_ : nodes_[node.newer].older) = node.older;
    node.next = free_;
    free_ = index;
  }

  Node &operator[](uint32_t index) { return nodes_[index]; }
  const Node &operator[](uint32_t index) const { return nodes_[index]; }
  bool empty() const { return oldest_ == kNone; }

  // Gives the memory back, if nothing waits.
  void Shrink() {
    if (!empty() || nodes_.capacity() == 0) return;
    budget_.Give(nodes_.capacity() * sizeof(Node));
    std::vector<Node>().swap(nodes_);
    free_ = kNone;
  }

  // How many were lost since the last call.
  uint64_t TakeLost() { return std::exchange(lost_, 0); }
  bool has_lost() const { return lost_ > 0; }

 private:
  static constexpr size_t kFirst = 64;

  bool Grow() {
    const size_t capacity = nodes_.capacity();
    const size_t wanted = std::min(std::max(2 * capacity, kFirst), kMax);
    if (wanted <= capacity) return false;
    const size_t bytes = (wanted - capacity) * sizeof(Node);
    if (!budget_.Take(bytes, wanted <= kFirst)) return false;
    try {
      std::vector<Node> larger;
      larger.reserve(wanted);
      larger.assign(nodes_.begin(), nodes_.end());
      larger.resize(wanted);
      nodes_.swap(larger);
    } catch (const std::bad_alloc &) {
      budget_.Give(bytes);
      return false;
    }
    for (size_t i = nodes_.size(); i-- > capacity;) {
      nodes_[i].next = free_;
      free_ = static_cast<uint32_t>(i);
    }
    return true;
  }

  QueueBudget &budget_;
  std::vector<Node> nodes_;
  uint32_t free_ = kNone;
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  uint64_t lost_ = 0;
};

}  // namespace mmpy

#endif
