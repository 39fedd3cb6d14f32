// Events in order, in memory that is kept when they are gone. A vector but for its size: appending is a comparison and
// three stores, which on the event path can be told. And one that does not grow forever: a feedback loop in which an
// event leads to two would take all the memory there is.
#ifndef MMPY_EVENT_BUFFER_H
#define MMPY_EVENT_BUFFER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace mmpy {

using ChannelId = uint32_t;  // counts over all instances; an instance's channels are consecutive

struct Event {
  ChannelId channel;
  double value;  // 0.0..1.0
};

class EventBuffer {
 public:
  // Makes room for the first events, so that one that is empty always takes another. Throws std::bad_alloc.
  void Reserve() {
    if (capacity_ == 0) Enlarge(kFirstCapacity);
  }

  // False if it is lost, for there are too many already, or is no memory for one more.
  bool Append(const Event &event) {
    if (size_ == capacity_ && !Grow()) return false;
    events_[size_++] = event;
    return true;
  }

  // How many were lost since the last call.
  uint64_t TakeLost() { return std::exchange(lost_, 0); }

  // Their channels count from `to` instead of `from`.
  void Renumber(ChannelId from, ChannelId to) {
    for (size_t i = 0; i < size_; ++i) events_[i].channel = events_[i].channel - from + to;
  }

  void Clear() {
    size_ = 0;
    max_ = kMax;  // there may be memory again
  }
  const Event *data() const { return events_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Event &operator[](size_t i) const { return events_[i]; }

 private:
  static constexpr size_t kFirstCapacity = 64;
  static constexpr size_t kMax = size_t{1} << 23;  // 128 MiB

  // Out of the way of Append(), which is inlined where speed counts.
  [[gnu::noinline, gnu::cold]] bool Grow() {
    const size_t capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
    if (capacity > max_) {
      ++lost_;
      return false;
    }
    try {
      Enlarge(capacity);
      return true;
    } catch (const std::bad_alloc &) {
      ++lost_;
      max_ = std::max(capacity_, kFirstCapacity);  // asking again for every event would take longer than events do
      return false;
    }
  }

  void Enlarge(size_t capacity) {
    auto enlarged = std::make_unique<Event[]>(capacity);
    std::copy_n(events_.get(), size_, enlarged.get());
    events_ = std::move(enlarged);
    capacity_ = capacity;
  }

  std::unique_ptr<Event[]> events_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t max_ = kMax;
  uint64_t lost_ = 0;
};

}  // namespace mmpy

#endif
