// How long the router works in one go. The clock advances only as instances handle events.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/clock.h"
#include "support/desk.h"

namespace mmpy {
namespace {

using test::AdvanceClock;
using test::Batches;
using test::ClockReadings;
using test::Desk;
using test::Layout;

constexpr uint64_t kMicrosecond = 1000;
constexpr uint64_t kMillisecond = 1'000'000;
constexpr auto kOutOfTime = Router::Drained::kOutOfTime;
constexpr auto kEmpty = Router::Drained::kEmpty;

const Layout kToOne{{1, 1}, {{0, 1}}};

struct SliceCase {
  const char *name;
  uint64_t event_ns;
  size_t fewest, most;  // events in a slice of a millisecond
};

class RouterSlice : public testing::TestWithParam<SliceCase> {};

TEST_P(RouterSlice, EndsSoonAfterItsBudgetAndTheNextOneContinues) {
  const SliceCase &slice = GetParam();
  Desk desk(2, Batches::kPieces);
  kToOne.Install(desk.router);
  desk.writes_down = false;
  double next = 0;
  desk.on_event = [&](InstanceId, const Event &event) { EXPECT_EQ(event.value, next++); };
  const size_t events = 3 * slice.most + 1;
  for (size_t i = 0; i < events; ++i) desk.router.Emit(0, static_cast<double>(i));
  desk.event_ns = slice.event_ns;
  for (int i = 0; i < 3; ++i) {
    const size_t before = desk.delivered();
    ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
    EXPECT_GE(desk.delivered() - before, slice.fewest);
    EXPECT_LE(desk.delivered() - before, slice.most);
    EXPECT_FALSE(desk.router.empty());
  }
  ASSERT_EQ(desk.router.Drain(Desk::kForever), kEmpty);
  EXPECT_EQ(desk.delivered(), events) << "nothing is lost or repeated between slices";
}

// A slice may be longer by as many events as lie between two looks at the clock, at most 64 at its begin and end each.
INSTANTIATE_TEST_SUITE_P(Router, RouterSlice,
                         testing::Values(SliceCase{"FastHandlers", 200, 5000, 5000 + 128},
                                         SliceCase{"HandlersOfAMicrosecond", kMicrosecond, 1000, 1000 + 128},
                                         SliceCase{"HandlersOfAHundredMicroseconds", 100 * kMicrosecond, 10, 12},
                                         SliceCase{"HandlersThatTakeTheWholeBudget", kMillisecond, 1, 2},
                                         SliceCase{"HandlersThatTakeFarTooLong", 100 * kMillisecond, 1, 2}),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(RouterSlices, FastHandlersHardlyEverCostALookAtTheClock) {
  Desk desk(2, Batches::kPieces);
  kToOne.Install(desk.router);
  desk.writes_down = false;
  desk.event_ns = 100;
  for (int i = 0; i < 10'000; ++i) desk.router.Emit(0, i);
  const uint64_t before = ClockReadings();
  desk.router.Drain(Desk::kForever);
  EXPECT_LT(ClockReadings() - before, 10'000u / 16);
}

TEST(RouterSlices, AreShortAgainAfterHandlersHaveBecomeSlow) {
  Desk desk(2, Batches::kPieces);
  kToOne.Install(desk.router);
  desk.writes_down = false;
  for (int i = 0; i < 10'000; ++i) desk.router.Emit(0, i);
  desk.event_ns = 100;
  ASSERT_EQ(desk.router.Drain(500 * kMicrosecond), kOutOfTime);
  desk.event_ns = kMillisecond;
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  for (int i = 0; i < 5; ++i) {
    const size_t before = desk.delivered();
    ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
    EXPECT_LE(desk.delivered() - before, 2u);
  }
}

TEST(RouterSlices, TimeBetweenThemDoesNotCount) {
  Desk desk(2, Batches::kPieces);
  kToOne.Install(desk.router);
  desk.event_ns = 100 * kMicrosecond;
  for (int i = 0; i < 100; ++i) desk.router.Emit(0, i);
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  AdvanceClock(3600 * 1000 * kMillisecond);
  const size_t before = desk.delivered();
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  EXPECT_GE(desk.delivered() - before, 10u);
}

TEST(RouterSlices, DoNotCutTheBatchesOfThoseThatTakeThemWhole) {
  Desk desk(3, Batches::kWhole);
  const Layout layout{{1, 1, 1}, {{0, 1}, {0, 2}}};
  layout.Install(desk.router);
  desk.event_ns = kMillisecond;
  for (int i = 0; i < 3; ++i) desk.router.Emit(0, i);
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  EXPECT_EQ(desk.Take(), "1: 1=0 1=1 1=2");
  ASSERT_EQ(desk.router.Drain(kMillisecond), kEmpty);
  EXPECT_EQ(desk.Take(), "2: 2=0 2=1 2=2");
}

TEST(RouterSlices, WhatIsOutputBetweenThemComesAfterWhatWaits) {
  Desk desk(3, Batches::kPieces);
  const Layout layout{{2, 1, 1}, {{0, 2}, {1, 3}}};
  layout.Install(desk.router);
  desk.event_ns = kMillisecond;
  desk.router.Emit(0, 1);
  desk.router.Emit(0, 2);
  desk.router.Emit(1, 3);
  ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime);
  EXPECT_EQ(desk.Take(), "1: 2=1");
  desk.router.Emit(1, 4);
  desk.router.Emit(0, 5);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 2=2 | 2: 3=3 | 2: 3=4 | 1: 2=5");
}

TEST(RouterSlices, WhatIsDeferredWaitsForTheSliceInWhichTheTurnEnds) {
  Desk desk(2, Batches::kPieces);
  kToOne.Install(desk.router);
  desk.event_ns = kMillisecond;
  desk.on_event = [&](InstanceId, const Event &event) {
    if (event.value == 1) desk.probe(1).FinishWith([] {});
  };
  for (int i = 1; i <= 4; ++i) desk.router.Emit(0, i);
  int slices = 1;
  while (desk.router.Drain(kMillisecond) == kOutOfTime) ++slices;
  EXPECT_GT(slices, 1);
  EXPECT_EQ(desk.Take(), "1: 1=1 | 1: 1=2 | 1: 1=3 | 1: 1=4 | 1 finishes");
}

}  // namespace
}  // namespace mmpy
