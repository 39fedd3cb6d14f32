// Events in the form in which they cross to JavaScript: one array of channels and one of values, in memory that is
// reused. Bounded, like an EventBuffer.
#ifndef MMPY_EVENT_COLUMNS_H
#define MMPY_EVENT_COLUMNS_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "routing/event_buffer.h"

namespace mmpy {

class EventColumns {
 public:
  // What it takes counts in the budget, if there is one; that outlives it.
  explicit EventColumns(QueueBudget *budget = nullptr) : budget_(budget) {}
  ~EventColumns() { Free(); }
  EventColumns(EventColumns &&other) noexcept { Swap(other); }
  EventColumns &operator=(EventColumns &&other) noexcept {
    Swap(other);
    return *this;
  }

  // The event is lost if there are too many already, or not enough memory.
  void Append(ChannelId channel, double value) {
    if (size_ == capacity_ && Grow(1) == 0) return;
    channels_[size_] = channel;
    values_[size_++] = value;
  }

  // Their channels are relative to `first`.
  void Append(ChannelId first, const Event *events, size_t count) {
    if (count > capacity_ - size_) count = Grow(count);
    uint32_t *const channels = channels_.get() + size_;
    double *const values = values_.get() + size_;
    for (size_t i = 0; i < count; ++i) {
      channels[i] = events[i].channel - first;
      values[i] = events[i].value;
    }
    size_ += count;
  }

  // The number of events lost since the last call.
  uint64_t TakeLost() { return std::exchange(lost_, 0); }

  // Numbers the channels of all events differently: number(channel), or drops those that it returns `dropped` for.
  template <typename Number>
  void Renumber(ChannelId dropped, const Number &number) {
    size_t kept = 0;
    for (size_t i = 0; i < size_; ++i) {
      const ChannelId channel = number(channels_[i]);
      if (channel == dropped) continue;
      channels_[kept] = channel;
      values_[kept++] = values_[i];
    }
    size_ = kept;
  }

  void Clear() {
    size_ = 0;
    max_ = kMax;  // there may be memory again
    if (capacity_ > kKept) Free();
  }

  // Gives all memory back. The events are gone.
  void Free() {
    if (budget_ != nullptr) budget_->Give(capacity_ * kEventSize);
    channels_.reset();
    values_.reset();
    size_ = capacity_ = 0;
  }
  const uint32_t *channels() const { return channels_.get(); }
  const double *values() const { return values_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr size_t kFirstCapacity = 64;
  static constexpr size_t kKept = size_t{1} << 16;
  static constexpr size_t kMax = size_t{1} << 23;
  static constexpr size_t kEventSize = sizeof(uint32_t) + sizeof(double);

  // Makes room for `wanted` more. Returns the number that fits; the others are lost.
  [[gnu::noinline, gnu::cold]] size_t Grow(size_t wanted) {
    const size_t needed = std::min(size_ + wanted, max_);
    size_t capacity = std::max(capacity_, kFirstCapacity);
    while (capacity < needed) capacity *= 2;
    const size_t taken = (capacity - std::min(capacity_, capacity)) * kEventSize;
    if (needed > capacity_ && budget_ != nullptr && !budget_->Take(taken, capacity <= kKept)) {
      max_ = std::max(capacity_, kFirstCapacity);
    } else if (needed > capacity_) {
      try {
        // Not make_unique, which would write zeros.
        std::unique_ptr<uint32_t[]> channels(new uint32_t[capacity]);
        std::unique_ptr<double[]> values(new double[capacity]);
        std::copy_n(channels_.get(), size_, channels.get());
        std::copy_n(values_.get(), size_, values.get());
        channels_ = std::move(channels);
        values_ = std::move(values);
        capacity_ = capacity;
      } catch (const std::bad_alloc &) {
        if (budget_ != nullptr) budget_->Give(taken);
        max_ = std::max(capacity_, kFirstCapacity);  // so as not to retry for every event
      }
    }
    const size_t room = std::min(wanted, capacity_ - size_);
    lost_ += wanted - room;
    return room;
  }

  void Swap(EventColumns &other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(channels_, other.channels_);
    std::swap(values_, other.values_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(max_, other.max_);
    std::swap(lost_, other.lost_);
  }

  QueueBudget *budget_ = nullptr;
  std::unique_ptr<uint32_t[]> channels_;
  std::unique_ptr<double[]> values_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t max_ = kMax;
  uint64_t lost_ = 0;
};

}  // namespace mmpy

#endif
