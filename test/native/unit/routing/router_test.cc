// The order of events, and what instances may do while they get theirs.
#include "routing/router.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/desk.h"

namespace mmpy {
namespace {

using test::Batches;
using test::Desk;
using test::Layout;

struct Emission {
  ChannelId channel;
  double value;
};

struct OrderCase {
  const char *name;
  Layout layout;
  std::vector<Emission> emissions;
  const char *batches;
};

// So that test names are readable.
void PrintTo(const OrderCase &order, std::ostream *stream) { *stream << order.name; }

class RouterOrder : public testing::TestWithParam<OrderCase> {};

const OrderCase kOrders[] = {
    {"AnEventOnAChannelThatIsMappedNowhereIsGone", {{2}, {}}, {{0, 1}}, ""},
    {"EveryTargetOfAChannelGetsItsEventInTheOrderOfLines",
     {{1, 3}, {{0, 3}, {0, 1}, {0, 2}}},
     {{0, 0.5}},
     "1: 3=0.5 1=0.5 2=0.5"},
    {"LinesThatStandThereTwiceCountTwice", {{1, 1}, {{0, 1}, {0, 1}}}, {{0, 1}}, "1: 1=1 1=1"},
    {"EqualEventsAreNotMerged", {{1, 1}, {{0, 1}}}, {{0, 1}, {0, 1}, {0, 0}, {0, 1}}, "1: 1=1 1=1 1=0 1=1"},
    {"AnInstanceGetsTheEventsOfARoundInOneBatch",
     {{2, 1, 1}, {{0, 2}, {1, 3}}},
     {{0, 1}, {1, 2}, {0, 3}, {1, 4}},
     "1: 2=1 2=3 | 2: 3=2 3=4"},
    {"InstancesTakeTurnsInTheOrderOfTheirFirstEvents",
     {{3, 1, 1, 1}, {{0, 3}, {1, 4}, {2, 5}}},
     {{2, 1}, {0, 2}, {1, 3}, {2, 4}},
     "3: 5=1 5=4 | 1: 3=2 | 2: 4=3"},
    {"AChannelMayBeMappedToItsOwnInstance", {{2}, {{0, 1}}}, {{0, 1}}, "0: 1=1"},
    {"AnInstanceWithoutChannelsIsLeftOut", {{1, 0, 1}, {{0, 1}}}, {{0, 1}}, "2: 1=1"},
};

TEST_P(RouterOrder, IsThatOfOutput) {
  const OrderCase &order = GetParam();
  Desk desk(order.layout.channels.size(), Batches::kWhole);
  order.layout.Install(desk.router);
  for (const Emission &emission : order.emissions) desk.router.Emit(emission.channel, emission.value);
  EXPECT_EQ(desk.router.empty(), *order.batches == '\0');
  EXPECT_EQ(desk.router.Drain(Desk::kForever), Router::Drained::kEmpty);
  EXPECT_EQ(desk.Take(), order.batches);
  EXPECT_TRUE(desk.router.empty());
}

TEST_P(RouterOrder, IsTheSameForABatchOfEmissions) {
  const OrderCase &order = GetParam();
  Desk desk(order.layout.channels.size(), Batches::kWhole);
  order.layout.Install(desk.router);
  std::vector<uint32_t> sources;
  std::vector<double> values;
  for (const Emission &emission : order.emissions) {
    sources.push_back(emission.channel);
    values.push_back(emission.value);
  }
  desk.router.Emit(0, sources.data(), values.data(), sources.size());
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), order.batches);
}

INSTANTIATE_TEST_SUITE_P(Router, RouterOrder, testing::ValuesIn(kOrders),
                         [](const auto &info) { return std::string(info.param.name); });

// Two instances with two channels each; whatever is emitted on one of them comes back on the same channel.
Layout Mirror() { return {{2, 2}, {{0, 0}, {1, 1}, {2, 2}, {3, 3}}}; }

TEST(Router, CountsABatchOfEmissionsFromItsBase) {
  Desk desk(2, Batches::kWhole);
  Mirror().Install(desk.router);
  const uint32_t sources[] = {1, 0};
  const double values[] = {0.25, 0.75};
  desk.router.Emit(2, sources, values, 2);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 3=0.25 2=0.75");
  EXPECT_EQ(desk.router.channel_count(), 4u);
}

TEST(Router, KeepsAnswersForTheNextRound) {
  Desk desk(2, Batches::kWhole);
  Mirror().Install(desk.router);
  desk.on_event = [&](InstanceId, const Event &event) {
    if (event.value >= 1) return;
    desk.router.Emit(3 - event.channel, event.value + 1);  // the other instance, and then itself
    desk.router.Emit(event.channel, event.value + 2);
  };
  desk.router.Emit(0, 0);
  desk.router.Emit(3, 0.5);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "0: 0=0 | 1: 3=0.5 | 1: 3=1 3=2.5 | 0: 0=2 0=1.5");
}

class RouterBatches : public testing::TestWithParam<Batches> {};

// The buffer that answers go to grows many times meanwhile.
TEST_P(RouterBatches, EventsStayValidWhileAThousandAnswersAreQueued) {
  Desk desk(1, GetParam());
  const Layout layout{{2}, {{0, 0}, {1, 1}}};
  layout.Install(desk.router);
  std::vector<double> values;
  desk.writes_down = false;
  desk.on_event = [&](InstanceId, const Event &event) {
    if (event.channel == 1) return;
    for (int i = 0; i < 1000; ++i) desk.router.Emit(1, event.value);
    values.push_back(event.value);
  };
  for (int i = 0; i < 100; ++i) desk.router.Emit(0, i);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.delivered(), 100u + 100'000);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(values[i], i);
}

TEST_P(RouterBatches, WhatIsDeferredRunsOnceAtTheEndOfTheTurn) {
  Desk desk(2, GetParam());
  Mirror().Install(desk.router);
  int deferred = 0;
  desk.on_event = [&](InstanceId id, const Event &event) {
    if (id != 0 || event.channel != 0) return;
    ++deferred;
    desk.probe(0).FinishWith([&] {
      EXPECT_EQ(deferred, 2) << "all events of the round come first";
      desk.router.Emit(1, 9);
    });
  };
  for (const ChannelId channel : {0, 1, 2, 0, 1}) desk.router.Emit(channel, channel);
  desk.router.Drain(Desk::kForever);
  std::string text = desk.Take();
  if (GetParam() == Batches::kWhole) {
    EXPECT_EQ(text, "0: 0=0 1=1 0=0 1=1 | 0 finishes | 1: 2=2 | 0: 1=9");
  } else {
    const size_t finish = text.find(" | 0 finishes | ");
    ASSERT_NE(finish, std::string::npos) << text;
    EXPECT_EQ(text.find("finishes", finish + 10), text.npos) << text;
    EXPECT_GT(text.find("1: 2=2"), finish) << text;
    EXPECT_EQ(text.rfind("1=1", finish), finish - 3) << text;
  }
  EXPECT_EQ(deferred, 2);
  EXPECT_EQ(desk.delivered(), 6u);
}

INSTANTIATE_TEST_SUITE_P(Router, RouterBatches, testing::Values(Batches::kPieces, Batches::kWhole),
                         [](const auto &info) { return info.param == Batches::kWhole ? "Whole" : "InPieces"; });

TEST(Router, ThrowsAwayWhatIsQueuedOnRequest) {
  Desk desk(2, Batches::kPieces);
  Mirror().Install(desk.router);
  desk.event_ns = 1'000'000;
  for (int i = 0; i < 10; ++i) {
    desk.router.Emit(0, i);
    desk.router.Emit(2, i);
  }
  ASSERT_EQ(desk.router.Drain(3'000'000), Router::Drained::kOutOfTime);
  desk.router.Emit(1, 1);
  const size_t before = desk.delivered();
  desk.router.Clear();
  EXPECT_TRUE(desk.router.empty());
  EXPECT_EQ(desk.router.Drain(Desk::kForever), Router::Drained::kEmpty);
  EXPECT_EQ(desk.delivered(), before);
  desk.Take();
  desk.router.Emit(3, 1);
  desk.router.Emit(0, 2);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 3=1 | 0: 0=2");
}

}  // namespace
}  // namespace mmpy
