#include "process/ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace mmpy {
namespace {

constexpr auto kSize = RingMemory::kSize;

class Ring : public testing::Test {
 protected:
  std::vector<RingEvent> ReadAll(size_t at_once = 100) {
    std::vector<RingEvent> all;
    std::vector<RingEvent> some(at_once);
    while (const size_t count = reader.Read(some.data(), at_once))
      all.insert(all.end(), some.begin(), some.begin() + count);
    reader.Free();
    return all;
  }

  std::unique_ptr<RingMemory> memory = std::make_unique<RingMemory>();
  RingWriter writer{*memory};
  RingReader reader{*memory};
};

TEST_F(Ring, ShowsEventsOnceTheyArePublished) {
  writer.Add(7, 0.5);
  EXPECT_TRUE(ReadAll().empty());
  writer.Publish();
  const auto events = ReadAll();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].channel, 7U);
  EXPECT_EQ(events[0].value, 0.5);
  EXPECT_TRUE(ReadAll().empty());
}

TEST_F(Ring, RefusesWhatHasNoRoomAndTakesItAfterwards) {
  for (uint32_t i = 0; i < kSize; ++i) ASSERT_TRUE(writer.Add(i, 0));
  EXPECT_FALSE(writer.Add(0, 0));
  writer.Publish();
  EXPECT_TRUE(writer.AwaitRoom());
  RingEvent one;
  ASSERT_EQ(reader.Read(&one, 1), 1U);
  EXPECT_TRUE(reader.Free()) << "the writer waits";
  EXPECT_TRUE(writer.Add(9, 0));
  EXPECT_FALSE(writer.Add(9, 0));
}

TEST_F(Ring, KeepsTheOrderAcrossItsEnd) {
  uint32_t next = 0;
  uint32_t expected = 0;
  for (const size_t round : {size_t{1}, size_t{8191}, size_t{5000}, size_t{8192}, size_t{3}, size_t{8000}}) {
    for (size_t i = 0; i < round; ++i) ASSERT_TRUE(writer.Add(next++, 0));
    writer.Publish();
    for (const RingEvent &event : ReadAll(777)) ASSERT_EQ(event.channel, expected++);
  }
  EXPECT_EQ(expected, next);
}

TEST_F(Ring, WakesAReaderThatSleepsAndNoOther) {
  writer.Add(0, 0);
  EXPECT_FALSE(writer.Publish());
  EXPECT_FALSE(reader.Sleep()) << "there is an event";
  ReadAll();
  EXPECT_TRUE(reader.Sleep());
  writer.Add(0, 0);
  EXPECT_TRUE(writer.Publish());
  writer.Add(0, 0);
  EXPECT_FALSE(writer.Publish()) << "it has been woken";
}

TEST_F(Ring, NoticesPositionsThatCanNotBe) {
  writer.Add(0, 0);
  writer.Publish();
  const struct { uint64_t tail, head; } nonsense[] = {{kSize + 1, 0}, {UINT64_MAX, 0}, {1, 2}, {1, UINT64_MAX}};
  for (const auto &[tail, head] : nonsense) {
    memory->tail = tail;
    memory->head = head;
    RingReader other(*memory);
    std::vector<RingEvent> events(2 * kSize);
    EXPECT_LE(other.Read(events.data(), events.size()), kSize);
    EXPECT_EQ(other.broken(), tail != 1);
    RingWriter full(*memory);
    for (uint64_t i = 0; i < kSize; ++i) full.Add(0, 0);
    EXPECT_FALSE(full.Add(0, 0));
    EXPECT_EQ(full.broken(), head != 0);
  }
}

TEST_F(Ring, BringsEverythingFromOneThreadToAnother) {
  constexpr uint32_t kEvents = 200'000;
  std::atomic<int> wakes{0};
  std::thread other([&] {
    for (uint32_t i = 0; i < kEvents;) {
      if (writer.Add(i, i)) {
        ++i;
        if (i % 3 == 0 && writer.Publish()) ++wakes;
      } else {
        if (writer.Publish()) ++wakes;
        if (writer.AwaitRoom()) std::this_thread::yield();
      }
    }
    if (writer.Publish()) ++wakes;
  });
  uint32_t expected = 0;
  RingEvent events[64];
  while (expected < kEvents) {
    const size_t count = reader.Read(events, 64);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(events[i].channel, expected++);
    reader.Free();
    if (count == 0 && reader.Sleep() && wakes.exchange(0) == 0) std::this_thread::yield();
  }
  other.join();
  EXPECT_FALSE(writer.broken() || reader.broken());
}

// As an eventfd: a wake-up is kept until it is taken.
class WakeUp {
 public:
  void Give() {
    const std::lock_guard<std::mutex> lock(mutex_);
    given_ = true;
    changed_.notify_one();
  }
  // False: nobody gives one, and both sides would sleep until the end of time.
  bool Take() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(2), [&] { return given_; }) && std::exchange(given_, false);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool given_ = false;
};

TEST_F(Ring, LosesNoWakeUpThoughBothSidesSleep) {
  // Rounds of a few events, whose reader sleeps again and again, and some that the ring does not hold.
  constexpr uint32_t kRounds = 6000;
  const auto size = [](uint32_t round) { return round % 1000 == 0 ? 3 * static_cast<uint32_t>(kSize) : 1 + round % 3; };
  uint32_t total = 0;
  for (uint32_t round = 1; round <= kRounds; ++round) total += size(round);
  WakeUp of_reader;
  WakeUp of_writer;
  std::atomic<uint32_t> read_so_far{0};  // each round waits for it: nothing that comes later makes up for a wake-up
  bool writer_woken = true;
  uint32_t written = 0;
  std::thread other([&] {
    for (uint32_t round = 1; round <= kRounds && writer_woken; ++round) {
      const uint32_t end = written + size(round);
      while (written < end && writer_woken) {
        if (writer.Add(written, written)) {
          ++written;
          continue;
        }
        if (writer.Publish()) of_reader.Give();
        if (writer.AwaitRoom()) writer_woken = of_writer.Take();
      }
      if (writer.Publish()) of_reader.Give();
      while (read_so_far < written && writer_woken) writer_woken = of_writer.Take();
    }
  });
  uint32_t expected = 0;
  bool reader_woken = true;
  RingEvent events[64];
  while (expected < total && reader_woken) {
    const size_t count = reader.Read(events, 64);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(events[i].channel, expected);
      ++expected;
    }
    if (reader.Free()) of_writer.Give();
    if (count > 0) continue;
    read_so_far = expected;
    of_writer.Give();
    if (reader.Sleep()) reader_woken = of_reader.Take();
  }
  read_so_far = expected;
  of_writer.Give();
  other.join();
  EXPECT_TRUE(reader_woken && writer_woken);
  EXPECT_EQ(expected, written);
}

}  // namespace
}  // namespace mmpy
