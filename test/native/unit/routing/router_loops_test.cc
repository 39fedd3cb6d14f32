// Feedback loops in a router that runs, slice by slice.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/desk.h"
#include "support/loops.h"

namespace mmpy {
namespace {

using test::Batches;
using test::Desk;
using test::Effects;
using test::FromLowest;
using test::IsLoopOf;
using test::Layout;
using test::Ring;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kHandler = 1000;  // ns

// Every channel of these instances answers on itself, so that the lines are the effects.
Layout Lines(std::vector<uint32_t> channels, const Effects &effects) {
  Layout layout{std::move(channels), {}};
  for (const auto &[cause, targets] : effects) {
    for (const uint32_t effect : targets) layout.lines.emplace_back(cause, effect);
  }
  return layout;
}

void Echo(Desk &desk, const Layout &layout) {
  layout.Install(desk.router);
  desk.writes_down = false;
  desk.event_ns = kHandler;
  desk.on_event = [&desk](InstanceId, const Event &event) { desk.router.Emit(event.channel, event.value); };
}

// Returns whether a loop was found within so many slices.
bool RunUntilFound(Desk &desk, int slices) {
  for (int i = 0; i < slices && !desk.router.loop_found(); ++i) {
    if (desk.router.Drain(kMillisecond) == Router::Drained::kEmpty) break;
  }
  return desk.router.loop_found();
}

struct LoopCase {
  const char *name;
  std::vector<uint32_t> channels;
  Effects effects;
  Batches batches;
};

void PrintTo(const LoopCase &loop, std::ostream *stream) { *stream << loop.name; }

class RouterLoop : public testing::TestWithParam<LoopCase> {};

TEST_P(RouterLoop, IsFoundOnceAndNoEventIsLost) {
  const LoopCase &loop = GetParam();
  Desk desk(loop.channels.size(), loop.batches);
  Echo(desk, Lines(loop.channels, loop.effects));
  desk.router.Emit(0, 1);
  ASSERT_TRUE(RunUntilFound(desk, 1000));
  const std::vector<ChannelId> found = desk.router.TakeLoop();
  EXPECT_TRUE(IsLoopOf(loop.effects, found));
  EXPECT_EQ(found.size(), loop.effects.size());
  EXPECT_FALSE(RunUntilFound(desk, 300));
  EXPECT_FALSE(desk.router.empty());
}

INSTANTIATE_TEST_SUITE_P(Router, RouterLoop,
                         testing::Values(LoopCase{"OfAChannelWithItself", {1}, Ring(0, 1), Batches::kPieces},
                                         LoopCase{"OfTwoInstances", {1, 1}, Ring(0, 2), Batches::kPieces},
                                         LoopCase{
                                             "OfTwoInstancesThatTakeWholeBatches", {1, 1}, Ring(0, 2), Batches::kWhole},
                                         LoopCase{"WithinAnInstance", {5}, Ring(0, 5), Batches::kPieces},
                                         LoopCase{"OfAThousandChannels", {400, 600}, Ring(0, 1000), Batches::kPieces}),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(RouterLoops, ThroughWhatIsDeferredAreFound) {
  Desk desk(1, Batches::kPieces);
  const Layout layout{{2}, {{0, 1}, {1, 0}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  desk.event_ns = kHandler;
  desk.on_event = [&](InstanceId id, const Event &event) {
    desk.probe(id).FinishWith([&desk, channel = event.channel] { desk.router.Emit(channel, 1); });
  };
  desk.router.Emit(0, 1);
  ASSERT_TRUE(RunUntilFound(desk, 1000));
  EXPECT_EQ(FromLowest(desk.router.TakeLoop()), (std::vector<ChannelId>{0, 1}));
}

TEST(RouterLoops, SideBySideAreAllFound) {
  Desk desk(1, Batches::kPieces);
  Effects effects = Ring(0, 2);
  effects.merge(Ring(2, 3));
  Echo(desk, Lines({5}, effects));
  desk.router.Emit(0, 1);
  desk.router.Emit(2, 1);
  std::vector<std::vector<ChannelId>> loops;
  while (loops.size() < 9 && RunUntilFound(desk, 800)) loops.push_back(FromLowest(desk.router.TakeLoop()));
  std::sort(loops.begin(), loops.end());
  EXPECT_EQ(loops, (std::vector<std::vector<ChannelId>>{{0, 1}, {2, 3, 4}}));
}

TEST(RouterLoops, AreToldUnderTheirNewNumbersAfterANewMapping) {
  Desk desk(2, Batches::kPieces);
  Echo(desk, Lines({1, 2}, Ring(1, 2)));
  desk.router.Emit(1, 1);
  ASSERT_TRUE(RunUntilFound(desk, 1000));
  Lines({4, 2}, Ring(4, 2)).Install(desk.router);
  EXPECT_FALSE(desk.router.loop_found());
  ASSERT_TRUE(RunUntilFound(desk, 1000));
  EXPECT_EQ(FromLowest(desk.router.TakeLoop()), (std::vector<ChannelId>{4, 5}));
}

// The second event waits while the first one is handled, but is not its effect.
TEST(RouterLoops, AreNotSeenInALineOnWhichOneEventFollowsTheOther) {
  constexpr uint32_t kChannels = 5000;
  Effects line;
  for (uint32_t i = 0; i + 1 < kChannels; ++i) line[i] = {i + 1};
  Desk desk(1, Batches::kPieces);
  Echo(desk, Lines({kChannels}, line));
  desk.router.Emit(0, 1);  // arrives on 1
  desk.router.Emit(1, 2);
  EXPECT_FALSE(RunUntilFound(desk, 100'000));
  EXPECT_EQ(desk.delivered(), kChannels - 1 + kChannels - 2);
}

// Else each of their events would be delivered by itself.
TEST(RouterLoops, AreNotLookedForInManyBurstsThatEndSoon) {
  Desk desk(2, Batches::kWhole);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  for (int burst = 0; burst < 3000; ++burst) {
    desk.router.Emit(0, 1);
    desk.router.Emit(0, 2);
    desk.router.Drain(kMillisecond);
    ASSERT_EQ(desk.Take(), "1: 1=1 1=2");
  }
}

TEST(RouterLoops, AreNotSeenInALotOfEventsWithoutAny) {
  Desk desk(2, Batches::kPieces);
  const Layout layout{{1, 1}, {{0, 1}}};
  layout.Install(desk.router);
  desk.writes_down = false;
  desk.event_ns = kHandler;
  for (int i = 0; i < 300'000; ++i) desk.router.Emit(0, i);
  EXPECT_FALSE(RunUntilFound(desk, 100'000));
  EXPECT_EQ(desk.delivered(), 300'000u);
  EXPECT_TRUE(desk.router.empty());
}

}  // namespace
}  // namespace mmpy
