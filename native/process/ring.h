// A queue of events in memory that two processes share: one writes, one reads, and neither ever waits for the other.
//
// The reader may sleep: it sets `sleeping`, looks once more, and waits for a wake-up. The writer publishes first and
// then looks at `sleeping`. Both are sequentially consistent, so at least one of them sees the other; fences would do
// too, but ThreadSanitizer cannot follow them. The same the other way round for a ring that is full.
//
// The other process may write anything into the memory. Each side keeps its own position itself, reads the other's once
// and checks it, and copies an event before it looks at it.
#ifndef MMPY_RING_H
#define MMPY_RING_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mmpy {

// What an event is an effect of, as far as a writer can tell: of its batch, not of it alone. It is through how many
// processes those went that led to it. While the router watches which event leads to which, it sends kTraced instead;
// what the process outputs while it handles that event alone has kTraced and the event's channel.
using Trail = uint32_t;
constexpr Trail kTraced = Trail{1} << 31;

// As they lie in the memory.
struct RingEvent {
  uint32_t channel;  // within the instance
  Trail trail;
  double value;
};
static_assert(sizeof(RingEvent) == 16);

struct RingMemory {
  static constexpr uint64_t kSize = 8192;

  alignas(64) std::atomic<uint64_t> tail{0};  // the number of events ever written,
  alignas(64) std::atomic<uint64_t> head{0};  // and read
  alignas(64) std::atomic<uint32_t> sleeping{0};
  alignas(64) std::atomic<uint32_t> full{0};  // the writer waits for room
  alignas(64) RingEvent events[kSize];
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

class RingWriter {
 public:
  explicit RingWriter(RingMemory &memory) : memory_(memory) {}

  // Adds an event, to be seen by the reader after Publish(). False if there is no room, or if the ring is broken.
  bool Add(uint32_t channel, double value, Trail trail = 0) {
    if (tail_ - head_ >= RingMemory::kSize && !Look()) return false;
    memory_.events[tail_ % RingMemory::kSize] = {channel, trail, value};
    ++tail_;
    return true;
  }

  // Returns whether the reader is to be woken.
  bool Publish() {
    if (tail_ == published_) return false;
    published_ = tail_;
    memory_.tail.store(tail_);
    return memory_.sleeping.load() != 0 && memory_.sleeping.exchange(0) != 0;
  }

  // Asks to be woken once there is room. Returns false if there is some by now.
  bool AwaitRoom() {
    memory_.full.store(1);
    if (!Look()) return true;
    memory_.full.store(0);
    return false;
  }

  uint64_t written() const { return published_; }
  // The reader has written nonsense.
  bool broken() const { return broken_; }

 private:
  bool Look() {
    const uint64_t head = memory_.head.load();
    if (head < head_ || head > published_) {
      broken_ = true;
      return false;
    }
    head_ = head;
    return !broken_ && tail_ - head_ < RingMemory::kSize;
  }

  RingMemory &memory_;
  uint64_t tail_ = 0;
  uint64_t published_ = 0;
  uint64_t head_ = 0;  // as far as it is known
  bool broken_ = false;
};

class RingReader {
 public:
  explicit RingReader(RingMemory &memory) : memory_(memory) {}

  // Copies up to `count` events. Fewer: there are no more.
  size_t Read(RingEvent *events, size_t count) {
    const uint64_t tail = memory_.tail.load();
    if (tail < head_ || tail - head_ > RingMemory::kSize) {
      broken_ = true;
      return 0;
    }
    if (broken_) return 0;
    size_t read = 0;
    for (; read < count && head_ != tail; ++read, ++head_) events[read] = memory_.events[head_ % RingMemory::kSize];
    return read;
  }

  // Gives their places back. Returns whether the writer is to be woken.
  bool Free() {
    if (head_ == freed_) return false;
    freed_ = head_;
    memory_.head.store(head_);
    return memory_.full.load() != 0 && memory_.full.exchange(0) != 0;
  }

  // Asks to be woken. Returns false if there are events by now.
  bool Sleep() {
    memory_.sleeping.store(1);
    const uint64_t tail = memory_.tail.load();
    if (tail == head_ || broken_) return true;
    memory_.sleeping.store(0);
    return false;
  }

  uint64_t read() const { return head_; }
  // The writer has written nonsense.
  bool broken() const { return broken_; }

 private:
  RingMemory &memory_;
  uint64_t head_ = 0;
  uint64_t freed_ = 0;
  bool broken_ = false;
};

// What an instance's process and the router share.
struct SharedMemory {
  enum Phase : uint32_t { kLoading, kRunning, kStopping };

  RingMemory to_process;
  RingMemory to_router;
  alignas(64) std::atomic<uint32_t> phase{kLoading};
  std::atomic<uint32_t> mappings{0};             // how many have been installed
  std::atomic<uint64_t> queue_limit{0};          // of each core, in bytes
  alignas(64) std::atomic<uint64_t> handled{0};  // events that were handled, and whose output is in the ring
  std::atomic<uint64_t> busy_ms{0};              // SteadyMs() since when it is at work; 0: it sleeps
};

}  // namespace mmpy

#endif
