// Events that too little memory is there for.
#include <gtest/gtest.h>

#include <new>
#include <vector>

#include "support/desk.h"
#include "support/memory.h"

namespace mmpy {
namespace {

using test::Batches;
using test::Desk;
using test::Layout;
using test::MemoryLimit;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr auto kOutOfTime = Router::Drained::kOutOfTime;

constexpr size_t kFit = 1024;

struct Loss {
  InstanceId instance;
  uint64_t count;
};

std::vector<Loss> LossesOf(Router &router) {
  std::vector<Loss> losses;
  router.TakeLosses([&](InstanceId instance, uint64_t count) { losses.push_back({instance, count}); });
  return losses;
}

// Room for kFit events of each instance and round.
void EmitWithLittleMemory(Router &router, ChannelId channel, size_t count) {
  const MemoryLimit limit((kFit + 1) * sizeof(Event));
  for (size_t i = 0; i < count; ++i) router.Emit(channel, static_cast<double>(i));
}

TEST(RouterLosses, AreToldOnceForEachInstanceAtTheEndOfASlice) {
  Desk desk(3, Batches::kPieces);
  const Layout layout{{2, 1, 1}, {{0, 2}, {1, 3}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  std::vector<double> next(3);
  desk.on_event = [&](InstanceId id, const Event &event) { EXPECT_EQ(event.value, next[id]++); };
  EmitWithLittleMemory(desk.router, 0, kFit + 100);
  EmitWithLittleMemory(desk.router, 1, kFit + 20);
  desk.event_ns = kMillisecond;
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  ASSERT_TRUE(desk.router.has_losses());
  const std::vector<Loss> losses = LossesOf(desk.router);
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].instance, 1u);
  EXPECT_EQ(losses[0].count, 100u);
  EXPECT_EQ(losses[1].instance, 2u);
  EXPECT_EQ(losses[1].count, 20u);
  EXPECT_FALSE(desk.router.has_losses());
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  EXPECT_FALSE(desk.router.has_losses());
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(next[1], kFit) << "the others arrive, the oldest ones";
  EXPECT_EQ(next[2], kFit);
}

TEST(RouterLosses, OfBothRoundsAreTold) {
  Desk desk(2, Batches::kPieces);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  desk.event_ns = kMillisecond;
  EmitWithLittleMemory(desk.router, 0, kFit + 1);
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  EmitWithLittleMemory(desk.router, 0, kFit + 2);
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  uint64_t lost = 0;
  for (const Loss &loss : LossesOf(desk.router)) lost += loss.count;
  EXPECT_EQ(lost, 3u);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.delivered(), 2 * kFit);
}

TEST(RouterLosses, NoneWhereMemoryIsEnough) {
  Desk desk(2, Batches::kPieces);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  for (int i = 0; i < 100'000; ++i) desk.router.Emit(0, i);
  desk.event_ns = 1000;
  while (desk.router.Drain(kMillisecond) == kOutOfTime) continue;
  EXPECT_FALSE(desk.router.has_losses());
  EXPECT_EQ(desk.delivered(), 100'000u);
}

TEST(RouterLosses, OfAShortBurstAreTold) {
  Desk desk(2, Batches::kPieces);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  EmitWithLittleMemory(desk.router, 0, kFit + 1);
  ASSERT_EQ(desk.router.Drain(kMillisecond), Router::Drained::kEmpty);
  EXPECT_TRUE(desk.router.has_losses());
  const std::vector<Loss> losses = LossesOf(desk.router);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].instance, 1u);
  EXPECT_EQ(losses[0].count, 1u);
}

// What one burst has lost is no reason to lose of the next one.
TEST(RouterLosses, EndWhenThereIsMemoryAgain) {
  Desk desk(2, Batches::kPieces);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  for (int burst = 0; burst < 2; ++burst) {  // of both rounds
    EmitWithLittleMemory(desk.router, 0, kFit + 1);
    desk.router.Drain(Desk::kForever);
  }
  LossesOf(desk.router);
  const size_t before = desk.delivered();
  for (size_t burst = 0; burst < 2; ++burst) {
    for (size_t i = 0; i < 10 * kFit; ++i) desk.router.Emit(0, 1);
    desk.router.Drain(Desk::kForever);
  }
  EXPECT_FALSE(desk.router.has_losses());
  EXPECT_EQ(desk.delivered() - before, 20 * kFit);
}

// Nothing of the event path may throw.
TEST(RouterLosses, NoneAndNoExceptionWithoutMemoryAtAllForFewEvents) {
  constexpr size_t kInstances = 100;
  Desk desk(kInstances, Batches::kPieces);
  Layout layout;
  for (ChannelId channel = 0; channel < kInstances; ++channel) {
    layout.channels.push_back(1);
    layout.lines.emplace_back(0, channel);
  }
  layout.Install(desk.router);
  desk.writes_down = false;
  bool threw = false;
  {
    const MemoryLimit limit(1);
    try {
      for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 60; ++i) desk.router.Emit(0, i);
        desk.router.Drain(Desk::kForever);
      }
    } catch (const std::bad_alloc &) {
      threw = true;
    }
  }
  EXPECT_FALSE(threw);
  EXPECT_FALSE(desk.router.has_losses());
}

TEST(RouterLosses, AnInstanceThatDoesNotFitIntoMemoryIsNotAdded) {
  Desk desk(2, Batches::kPieces);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  test::Probe probe(desk, 2, Batches::kPieces);
  for (size_t bytes : {1, 17, 65, 1000}) {
    bool refused = false;
    {
      const MemoryLimit limit(bytes);
      try {
        desk.router.AddInstance(&probe);
      } catch (const std::bad_alloc &) {
        refused = true;
      }
    }
    EXPECT_TRUE(refused) << bytes;
  }
  desk.router.Emit(0, 1);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 1=1");
  desk.Add();
  const Layout more{{1, 1, 1}, {{0, 2}}};
  more.Install(desk.router);
  desk.router.Emit(0, 2);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "2: 2=2");
}

}  // namespace
}  // namespace mmpy
