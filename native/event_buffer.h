// Events in order, in memory that is kept when they are gone. A vector but for its size: appending is a comparison and
// three stores, which on the event path can be told.
#ifndef MMPY_EVENT_BUFFER_H
#define MMPY_EVENT_BUFFER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace mmpy {

using ChannelId = uint32_t;  // counts over all instances; an instance's channels are consecutive

struct Event {
  ChannelId channel;
  double value;  // 0.0..1.0
};

class EventBuffer {
 public:
  void Append(const Event &event) {
    if (size_ == capacity_) Grow(size_ + 1);
    events_[size_++] = event;
  }

  // Room for `count` more, which the caller fills.
  Event *Extend(size_t count) {
    if (capacity_ - size_ < count) Grow(size_ + count);
    Event *const added = events_.get() + size_;
    size_ += count;
    return added;
  }

  // Their channels count from `to` instead of `from`.
  void Renumber(ChannelId from, ChannelId to) {
    for (size_t i = 0; i < size_; ++i) events_[i].channel = events_[i].channel - from + to;
  }

  void Clear() { size_ = 0; }
  const Event *data() const { return events_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Event &operator[](size_t i) const { return events_[i]; }

 private:
  // Out of the way of Append(), which is inlined where speed counts.
  [[gnu::noinline, gnu::cold]] void Grow(size_t least) {
    const size_t capacity = std::max(least, capacity_ == 0 ? size_t{64} : 2 * capacity_);
    auto grown = std::make_unique<Event[]>(capacity);
    std::copy_n(events_.get(), size_, grown.get());
    events_ = std::move(grown);
    capacity_ = capacity;
  }

  std::unique_ptr<Event[]> events_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace mmpy

#endif
