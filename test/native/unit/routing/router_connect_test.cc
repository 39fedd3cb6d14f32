// A new mapping while events wait: they keep their place, under their channels' new numbers.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/desk.h"
#include "support/memory.h"

namespace mmpy {
namespace {

using test::Batches;
using test::Desk;
using test::Layout;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr auto kOutOfTime = Router::Drained::kOutOfTime;
constexpr auto kEmpty = Router::Drained::kEmpty;

// Three instances; the first one's two channels lead to those of the second and third.
const Layout kBefore{{2, 2, 2}, {{0, 2}, {0, 3}, {1, 4}, {1, 5}}};

struct ConnectCase {
  const char *name;
  std::vector<uint32_t> channels;  // of each instance, from now on
  const char *waiting;             // delivered after the new mapping, of the round that was interrupted
  const char *next;                // and of the next one
};

void PrintTo(const ConnectCase &connect, std::ostream *stream) { *stream << connect.name; }

const ConnectCase kCases[] = {
    {"NothingChanges", {2, 2, 2}, "3=1 4=2 5=2", "2=3 3=3 4=4 5=4"},
    {"TheFirstInstanceGetsMoreChannels", {5, 2, 2}, "6=1 7=2 8=2", "5=3 6=3 7=4 8=4"},
    {"TheFirstInstanceGoes", {0, 2, 2}, "1=1 2=2 3=2", "0=3 1=3 2=4 3=4"},
    {"TheSecondInstanceGetsMoreChannels", {2, 9, 2}, "3=1 11=2 12=2", "2=3 3=3 11=4 12=4"},
    {"AnInstanceIsAdded", {3, 3, 2, 4}, "4=1 6=2 7=2", "3=3 4=3 6=4 7=4"},
    {"TheInstanceInTheMiddleOfItsTurnGoes", {2, 0, 2}, "2=2 3=2", "2=4 3=4"},
    {"AnInstanceGoesBeforeItsTurn", {2, 2, 0}, "3=1", "2=3 3=3"},
    {"AllInstancesGo", {2, 0, 0}, "", ""},
};

class RouterConnect : public testing::TestWithParam<ConnectCase> {
 protected:
  RouterConnect() {
    kBefore.Install(desk_.router);
    desk_.event_ns = kMillisecond;
    desk_.router.Emit(0, 1);
    desk_.router.Emit(1, 2);
    EXPECT_EQ(desk_.router.Drain(kMillisecond), kOutOfTime);
    EXPECT_EQ(desk_.TakeEvents(), "2=1") << "of four events, in the middle of an instance's turn";
  }

  void Connect() {
    if (GetParam().channels.size() > 3) desk_.Add();
    const Layout after{GetParam().channels, {}};
    after.Install(desk_.router);
  }

  Desk desk_{3, Batches::kPieces};
};

TEST_P(RouterConnect, WhileARoundIsInterrupted) {
  Connect();
  EXPECT_EQ(desk_.router.Drain(Desk::kForever), kEmpty);
  EXPECT_EQ(desk_.TakeEvents(), GetParam().waiting);
  EXPECT_TRUE(desk_.router.empty());
}

TEST_P(RouterConnect, WhileTheNextRoundWaitsToo) {
  desk_.router.Emit(0, 3);
  desk_.router.Emit(1, 4);
  Connect();
  EXPECT_EQ(desk_.router.Drain(Desk::kForever), kEmpty);
  const std::string waiting = GetParam().waiting;
  EXPECT_EQ(desk_.TakeEvents(), waiting + (waiting.empty() ? "" : " ") + GetParam().next);
}

TEST_P(RouterConnect, TwiceWhileARoundIsInterrupted) {
  Connect();
  Connect();
  Layout more{GetParam().channels, {}};
  more.channels[0] += 1;
  more.Install(desk_.router);
  const Layout back{GetParam().channels, {}};
  back.Install(desk_.router);
  EXPECT_EQ(desk_.router.Drain(Desk::kForever), kEmpty);
  EXPECT_EQ(desk_.TakeEvents(), GetParam().waiting);
}

INSTANTIATE_TEST_SUITE_P(Router, RouterConnect, testing::ValuesIn(kCases),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(RouterConnects, LeadsNewEventsByTheNewLines) {
  Desk desk(2, Batches::kWhole);
  const Layout before{{1, 2}, {{0, 1}}};
  const Layout after{{1, 2}, {{0, 2}}};
  before.Install(desk.router);
  desk.router.Emit(0, 1);
  after.Install(desk.router);
  desk.router.Emit(0, 2);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 1=1 2=2") << "what was output before keeps its way";
}

// Each time it would have taken another turn in the round, for which there is no room.
TEST(RouterConnects, AnInstanceThatComesAndGoesHasOneTurn) {
  Desk desk(3, Batches::kWhole);
  const Layout with{{1, 1, 1}, {{0, 1}, {0, 2}}};
  const Layout without{{1, 0, 1}, {{0, 1}}};
  for (int i = 0; i < 10; ++i) {
    with.Install(desk.router);
    desk.router.Emit(0, i);
    without.Install(desk.router);
  }
  with.Install(desk.router);
  const uint64_t before = test::Allocations();
  desk.router.Emit(0, 10);
  EXPECT_EQ(test::Allocations(), before);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "2: 2=0 2=1 2=2 2=3 2=4 2=5 2=6 2=7 2=8 2=9 2=10 | 1: 1=10");
}

// It has finished nothing that could be seen, and its channels are gone.
TEST(RouterConnects, WhatAnInstanceHasDeferredGoesWithIt) {
  const Layout with{{1, 1}, {{0, 1}}};
  const struct {
    const char *name;
    std::function<void(Router &)> end;
  } cases[] = {{"Connect",
                [](Router &router) {
                  Layout{{1, 0}, {}}.Install(router);
                }},
               {"Clear", [](Router &router) { router.Clear(); }}};
  for (const auto &[name, end] : cases) {
    Desk desk(2, Batches::kPieces);
    with.Install(desk.router);
    desk.event_ns = kMillisecond;
    desk.on_event = [&](InstanceId id, const Event &) { desk.probe(id).FinishWith([] {}); };
    desk.router.Emit(0, 1);
    desk.router.Emit(0, 2);
    ASSERT_EQ(desk.router.Drain(kMillisecond), kOutOfTime) << name;
    EXPECT_EQ(desk.Take(), "1: 1=1") << name;
    end(desk.router);
    EXPECT_EQ(desk.router.Drain(Desk::kForever), kEmpty) << name;
    with.Install(desk.router);
    desk.on_event = [](InstanceId, const Event &) {};
    desk.router.Emit(0, 3);
    EXPECT_EQ(desk.router.Drain(Desk::kForever), kEmpty) << name;
    EXPECT_EQ(desk.Take(), "1: 1=3") << name;
  }
}

TEST(RouterConnects, AnInstanceThatWentAndCameBackGetsOnlyWhatIsNew) {
  Desk desk(2, Batches::kWhole);
  const Layout with{{1, 1}, {{0, 1}}};
  const Layout without{{1, 0}, {}};
  with.Install(desk.router);
  desk.router.Emit(0, 1);
  without.Install(desk.router);
  with.Install(desk.router);
  desk.router.Emit(0, 2);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 1=2");
  desk.router.Emit(0, 3);
  desk.router.Drain(Desk::kForever);
  EXPECT_EQ(desk.Take(), "1: 1=3");
}

}  // namespace
}  // namespace mmpy
