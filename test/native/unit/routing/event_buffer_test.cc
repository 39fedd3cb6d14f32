#include "routing/event_buffer.h"

#include <gtest/gtest.h>

#include "support/memory.h"

namespace mmpy {
namespace {

using test::Allocations;
using test::MemoryLimit;

constexpr size_t kMaxEvents = 8'388'608;  // as docs/design.md promises

void Fill(EventBuffer &buffer, size_t count) {
  for (size_t i = 0; i < count; ++i) buffer.Append({static_cast<ChannelId>(i), static_cast<double>(i) / 2});
}

size_t FirstWrong(const EventBuffer &buffer) {
  size_t i = 0;
  while (i < buffer.size() && buffer[i].channel == i && buffer[i].value == static_cast<double>(i) / 2) ++i;
  return i;
}

class EventBufferHolds : public testing::TestWithParam<size_t> {};

TEST_P(EventBufferHolds, EveryEventInOrder) {
  EventBuffer buffer;
  Fill(buffer, GetParam());
  EXPECT_EQ(buffer.size(), GetParam());
  EXPECT_EQ(buffer.empty(), GetParam() == 0);
  EXPECT_EQ(FirstWrong(buffer), GetParam());
  EXPECT_EQ(buffer.TakeLost(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Counts, EventBufferHolds, testing::Values(0, 1, 63, 64, 65, 128, 129, 100'000));

TEST(EventBuffer, KeepsItsMemoryWhenItIsCleared) {
  EventBuffer buffer;
  Fill(buffer, 1000);
  buffer.Clear();
  EXPECT_TRUE(buffer.empty());
  const uint64_t before = Allocations();
  Fill(buffer, 1000);
  EXPECT_EQ(Allocations(), before);
  EXPECT_EQ(FirstWrong(buffer), 1000u);
}

TEST(EventBuffer, EndsAtItsLimitAndCountsWhatIsLost) {
  EventBuffer buffer;
  Fill(buffer, kMaxEvents);
  EXPECT_EQ(buffer.size(), kMaxEvents);
  EXPECT_EQ(buffer.TakeLost(), 0u);
  for (int i = 0; i < 5; ++i) buffer.Append({0, 0});
  EXPECT_EQ(buffer.size(), kMaxEvents);
  EXPECT_EQ(buffer.TakeLost(), 5u);
  EXPECT_EQ(buffer.TakeLost(), 0u) << "a loss is told once";
  EXPECT_EQ(FirstWrong(buffer), kMaxEvents) << "what is lost is what came last";
  buffer.Clear();
  buffer.Append({0, 0});
  EXPECT_EQ(buffer.size(), 1u);
  EXPECT_EQ(buffer.TakeLost(), 0u);
}

TEST(EventBuffer, KeepsWhatItHasWhenMemoryRunsOut) {
  EventBuffer buffer;
  uint64_t attempts = 0;
  {
    const MemoryLimit limit(1000 * sizeof(Event));
    Fill(buffer, 512);
    attempts = Allocations();
    for (size_t i = 512; i < 2000; ++i) buffer.Append({static_cast<ChannelId>(i), 0});
    attempts = Allocations() - attempts;
  }
  EXPECT_EQ(buffer.size(), 512u);
  EXPECT_EQ(FirstWrong(buffer), 512u);
  EXPECT_EQ(buffer.TakeLost(), 2000u - 512);
  EXPECT_LE(attempts, 2u) << "asking again for every event takes longer than events do";
}

TEST(EventBuffer, WorksAgainAfterItGotNoMemoryAtAll) {
  EventBuffer buffer;
  {
    const MemoryLimit limit(1);
    Fill(buffer, 3);
  }
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.TakeLost(), 3u);
  Fill(buffer, 3);
  EXPECT_EQ(FirstWrong(buffer), 3u);
  EXPECT_EQ(buffer.size(), 3u);
}

TEST(EventBuffer, GrowsAgainOnceItWasEmptyAfterItGotNoMemory) {
  EventBuffer buffer;
  {
    const MemoryLimit limit(1000 * sizeof(Event));
    Fill(buffer, 2000);
  }
  EXPECT_EQ(buffer.size(), 512u);
  buffer.Clear();
  buffer.TakeLost();
  Fill(buffer, 2000);
  EXPECT_EQ(buffer.size(), 2000u);
  EXPECT_EQ(FirstWrong(buffer), 2000u);
  EXPECT_EQ(buffer.TakeLost(), 0u);
}

TEST(EventBuffer, TakesEventsWithoutMemoryOnceItIsReserved) {
  EventBuffer buffer;
  buffer.Reserve();
  bool taken = true;
  {
    const MemoryLimit limit(1);
    for (ChannelId i = 0; i < 64; ++i) taken &= buffer.Append({i, i / 2.0});
    taken &= !buffer.Append({0, 0});
    buffer.Reserve();
  }
  EXPECT_TRUE(taken) << "64 of them";
  EXPECT_EQ(FirstWrong(buffer), 64u);
  EXPECT_EQ(buffer.TakeLost(), 1u);
}

TEST(EventBuffer, RenumbersChannelsInBothDirections) {
  const struct {
    ChannelId from, to;
  } cases[] = {{0, 0}, {0, 7}, {100, 93}, {UINT32_MAX - 10, 0}, {0, UINT32_MAX - 10}};
  for (const auto &[from, to] : cases) {
    EventBuffer buffer;
    for (ChannelId i = 0; i < 5; ++i) buffer.Append({from + i, i * 0.1});
    buffer.Renumber(from, to);
    for (ChannelId i = 0; i < 5; ++i) {
      EXPECT_EQ(buffer[i].channel, to + i) << "from " << from << " to " << to;
      EXPECT_EQ(buffer[i].value, i * 0.1);
    }
  }
}

// Blocks of 65,536 events, 1 MiB each.
constexpr size_t kBlock = 65'536;

TEST(EventBuffer, CopiesNothingOnceItIsLarge) {
  EventBuffer buffer;
  Fill(buffer, kBlock);
  const Event *const first = buffer.From(0).begin;
  Fill(buffer, 5 * kBlock);
  EXPECT_EQ(buffer.From(0).begin, first);
  EXPECT_EQ(buffer.size(), 6 * kBlock);
  EXPECT_EQ(buffer.From(kBlock).end - buffer.From(kBlock).begin, ptrdiff_t(kBlock));
  EXPECT_EQ(buffer[3 * kBlock + 7].channel, 2 * kBlock + 7);
}

TEST(EventBuffer, TakesNoMoreThanTheBudgetOfAllAndGivesItBack) {
  QueueBudget budget;
  budget.SetLimit(16 * kBlock * sizeof(Event));
  EventBuffer greedy(&budget);
  EventBuffer modest(&budget);
  greedy.Reserve();
  modest.Reserve();
  EXPECT_EQ(budget.used(), 0u) << "the first events are free";
  Fill(greedy, 100 * kBlock);
  EXPECT_EQ(greedy.size(), 14 * kBlock) << "an eighth is left to others";
  EXPECT_EQ(greedy.TakeLost(), 86 * kBlock);
  Fill(modest, kBlock);
  EXPECT_EQ(modest.TakeLost(), 0u);
  EXPECT_EQ(budget.used(), 15 * kBlock * sizeof(Event));
  greedy.Clear();
  EXPECT_EQ(budget.used(), 2 * kBlock * sizeof(Event)) << "all but its last block";
  modest.Clear();
  EXPECT_TRUE(greedy.Shrink()) << "it may need as much again";
  EXPECT_FALSE(greedy.Shrink());
  EXPECT_TRUE(modest.Shrink());
  EXPECT_FALSE(modest.Shrink());
  EXPECT_EQ(budget.used(), 0u);
  Fill(greedy, 1000);
  EXPECT_EQ(FirstWrong(greedy), 1000u);
  EXPECT_GT(budget.used(), 0u);
  greedy.Free();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(EventBuffer, IsDoneWithGivingBackSoonWhateverItsSizeWas) {
  for (const size_t size :
       {size_t{1}, size_t{64}, size_t{65}, size_t{100}, size_t{128}, size_t{129}, size_t{1000}, 3 * kBlock}) {
    EventBuffer buffer;
    Fill(buffer, size);
    buffer.Clear();
    buffer.Shrink();
    EXPECT_FALSE(buffer.Shrink()) << size << " events, which are gone: a timer would go on for it";
  }
}

TEST(EventBuffer, GivesNothingBackThatHoldsEvents) {
  EventBuffer buffer;
  Fill(buffer, 1000);
  buffer.Shrink();
  buffer.Shrink();
  EXPECT_EQ(FirstWrong(buffer), 1000u);
}

TEST(EventBuffer, OwesTheBudgetNothingForMemoryThatItDidNotGet) {
  QueueBudget budget;
  {
    EventBuffer buffer(&budget);
    const MemoryLimit limit(1000 * sizeof(Event));
    Fill(buffer, 2000);
    EXPECT_EQ(buffer.size(), 512u);
    EXPECT_EQ(budget.used(), 512 * sizeof(Event));
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace mmpy
