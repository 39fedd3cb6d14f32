// Events in order, in memory that is kept when they are gone. Appending is a comparison and three stores, which on the
// event path can be told: there is one block, which is replaced by a larger one up to a certain size. From then on
// blocks are added, so that nothing is copied any more, and are freed again when the events are gone.
//
// It does not grow forever: a feedback loop in which an event leads to two would take all the memory there is.
#ifndef MMPY_EVENT_BUFFER_H
#define MMPY_EVENT_BUFFER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "routing/queue_budget.h"

namespace mmpy {

using ChannelId = uint32_t;  // counts over all instances; an instance's channels are consecutive

struct Event {
  ChannelId channel;
  double value;  // 0.0..1.0
};

class EventBuffer {
 public:
  // What it takes beyond its first events counts in the budget, if there is one; that outlives it.
  explicit EventBuffer(QueueBudget *budget = nullptr) : budget_(budget) {}
  ~EventBuffer() { Free(); }
  EventBuffer(EventBuffer &&other) noexcept { Swap(other); }
  EventBuffer &operator=(EventBuffer &&other) noexcept {
    Swap(other);
    return *this;
  }

  // Makes room for the first events, so that one that is empty always takes another. Throws std::bad_alloc.
  void Reserve() {
    if (capacity_ == 0) Resize(kFirstCapacity);
  }

  // False if it is lost, for there are too many already, or is no memory for one more.
  bool Append(const Event &event) {
    if (size_ == capacity_ && !Grow()) return false;
    events_[size_++] = event;
    return true;
  }

  // The two parts of Append(), for what has to decide what to do about one that is full.
  bool has_room() const { return size_ != capacity_; }
  void Put(const Event &event) { events_[size_++] = event; }

  // The same for many in a row, without a look at memory for each: where the next one goes, and where the room ends.
  // SetTail() has to follow before anything else is done with the buffer.
  struct Tail {
    Event *next;
    const Event *end;
  };
  Tail tail() { return {events_.get() + size_, events_.get() + capacity_}; }
  void SetTail(const Tail &tail) { size_ = static_cast<size_t>(tail.next - events_.get()); }

  // Makes it a mark that is never empty and never has room. Nothing is to be appended to it. Throws std::bad_alloc.
  void MakeFull() {
    events_ = std::make_unique<Event[]>(1);
    size_ = capacity_ = 1;
  }

  // How many were lost since the last call.
  uint64_t TakeLost() { return std::exchange(lost_, 0); }

  // Their channels count from `to` instead of `from`.
  void Renumber(ChannelId from, ChannelId to) {
    const auto renumber = [&](Event *events, size_t count) {
      for (size_t i = 0; i < count; ++i) events[i].channel = events[i].channel - from + to;
    };
    for (const auto &block : full_) renumber(block.get(), kBlock);
    renumber(events_.get(), size_);
  }

  void Clear() {
    if (has_grown_) EndBurst();
    size_ = 0;
  }

  // Gives back memory that was not needed since the last call, unless there are events. Returns whether it could give
  // back more later.
  bool Shrink() {
    const size_t needed = std::exchange(peak_, 0);
    if (!empty() || capacity_ <= kFirstCapacity) return capacity_ > kFirstCapacity;
    size_t capacity = kFirstCapacity;
    while (capacity < needed) capacity *= 2;
    // What was not needed at all goes whatever its size: otherwise the smallest one would be asked about forever.
    if (needed == 0 || capacity <= capacity_ / 4) {
      try {
        Resize(capacity);
      } catch (const std::bad_alloc &) {  // later
      }
    }
    return capacity_ > kFirstCapacity;
  }

  // Gives all memory back. The events are gone.
  void Free() {
    if (!full_.empty()) FreeBlocks();
    Give(Charged(capacity_));
    events_.reset();
    size_ = capacity_ = peak_ = 0;
    max_ = kMax;
    has_grown_ = false;
  }

  // The events from one on that are side by side in memory: all, or those up to the end of a block.
  struct Run {
    const Event *begin;
    const Event *end;
  };
  Run From(size_t position) const {
    if (!has_grown_) return {events_.get() + position, events_.get() + size_};
    return FromBlock(position);
  }

  // Makes a run the one that follows it, if there is one.
  bool GoOn(Run &run) const { return has_grown_ && NextBlock(run); }

  bool IsLast(const Event *event) const { return event + 1 == events_.get() + size_; }

  // Which of the events this one is.
  [[gnu::noinline]] size_t PositionOf(const Event *event) const {
    for (size_t block = 0; block < full_.size(); ++block) {
      const Event *const begin = full_[block].get();
      if (event >= begin && event < begin + kBlock) return block * kBlock + static_cast<size_t>(event - begin);
    }
    return full_.size() * kBlock + static_cast<size_t>(event - events_.get());
  }

  size_t size() const { return full_.size() * kBlock + size_; }
  bool empty() const { return size_ == 0; }  // the last block never is, if there are others
  const Event &operator[](size_t i) const { return full_.empty() ? events_[i] : *FromBlock(i).begin; }

 private:
  static constexpr size_t kFirstCapacity = 64;
  static constexpr size_t kBlock = size_t{1} << 16;  // events: 1 MiB
  static constexpr uint32_t kMax = 1 << 23;          // 128 MiB

  [[gnu::noinline]] bool NextBlock(Run &run) const {
    if (run.end == events_.get() + size_) return false;
    run = FromBlock(PositionOf(run.end - 1) + 1);
    return true;
  }

  [[gnu::noinline]] Run FromBlock(size_t position) const {
    const size_t block = position / kBlock;
    if (block < full_.size()) {
      const Event *const events = full_[block].get();
      return {events + position % kBlock, events + kBlock};
    }
    return {events_.get() + (position - full_.size() * kBlock), events_.get() + size_};
  }

  // Out of the way of Append(), which is inlined where speed counts.
  [[gnu::noinline, gnu::cold]] bool Grow() {
    try {
      const bool adds = capacity_ == kBlock;
      const size_t capacity = adds ? kBlock : std::max(2 * capacity_, kFirstCapacity);
      if (size() + (adds ? kBlock : capacity - size_) <= max_ && Take(capacity - (adds ? 0 : capacity_), !adds)) {
        adds ? AddBlock() : Resize(capacity);
        return true;
      }
    } catch (const std::bad_alloc &) {
    }
    ++lost_;
    // Asking again for every event would take longer than events do.
    max_ = static_cast<uint32_t>(std::max(size(), kFirstCapacity));
    has_grown_ = true;
    return false;
  }

  // What has been taken goes back if there is no memory.
  void AddBlock() {
    std::unique_ptr<Event[]> added;
    try {
      full_.reserve(full_.size() + 1);
      added.reset(new Event[kBlock]);  // not make_unique, which would write zeros
    } catch (const std::bad_alloc &) {
      Give(kBlock);
      throw;
    }
    full_.push_back(std::move(events_));
    events_ = std::move(added);
    size_ = 0;
  }

  void Resize(size_t capacity) {
    std::unique_ptr<Event[]> resized;
    try {
      resized.reset(new Event[capacity]);
    } catch (const std::bad_alloc &) {
      if (capacity > capacity_) Give(Charged(capacity) - Charged(capacity_));
      throw;
    }
    if (capacity < capacity_) Give(Charged(capacity_) - Charged(capacity));
    std::copy_n(events_.get(), size_, resized.get());
    events_ = std::move(resized);
    capacity_ = capacity;
    has_grown_ = capacity > kFirstCapacity || max_ < kMax;
  }

  [[gnu::noinline]] void EndBurst() {
    peak_ = std::max(peak_, size_);
    max_ = kMax;  // there may be memory again
    if (!full_.empty()) FreeBlocks();
    has_grown_ = capacity_ > kFirstCapacity;
  }

  void FreeBlocks() {
    Give(full_.size() * kBlock);
    peak_ = kBlock;
    std::vector<std::unique_ptr<Event[]>>().swap(full_);
  }

  void Swap(EventBuffer &other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(events_, other.events_);
    std::swap(full_, other.full_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(max_, other.max_);
    std::swap(has_grown_, other.has_grown_);
    std::swap(peak_, other.peak_);
    std::swap(lost_, other.lost_);
  }

  // The first events are free, so that each instance can get some.
  static size_t Charged(size_t capacity) { return capacity <= kFirstCapacity ? 0 : capacity; }
  bool Take(size_t events, bool is_little) {
    const size_t charged = capacity_ == 0 ? 0 : capacity_ == kFirstCapacity ? events + kFirstCapacity : events;
    return budget_ == nullptr || charged == 0 || budget_->Take(charged * sizeof(Event), is_little);
  }
  void Give(size_t events) {
    if (budget_ != nullptr && events > 0) budget_->Give(events * sizeof(Event));
  }

  // What events need on their way comes first, in one cache line.
  std::unique_ptr<Event[]> events_;  // the last block
  size_t size_ = 0;                  // of the last block
  size_t capacity_ = 0;              // likewise
  uint32_t max_ = kMax;
  // Beyond its first events, or it could not: one test, where events are delivered, for all that is rare.
  bool has_grown_ = false;
  std::vector<std::unique_ptr<Event[]>> full_;  // the blocks before it, of kBlock events each
  size_t peak_ = 0;                             // the size of the last block at its largest, since Shrink()
  uint64_t lost_ = 0;
  QueueBudget *budget_ = nullptr;
};

}  // namespace mmpy

#endif
