#include "routing/loop_tracer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "support/loops.h"

namespace mmpy {
namespace {

using test::Effects;
using test::FromLowest;
using test::IsLoopOf;
using test::Ring;

constexpr size_t kEventsInASlice = 1000;

// A queue as the tracer sees one: in each round, every event that waits leads to its effects.
class Queue {
 public:
  Queue(LoopTracer &tracer, Effects effects, std::vector<uint32_t> events)
      : tracer_(tracer), effects_(std::move(effects)), events_(std::move(events)) {}

  // Goes on for so many rounds, or until a loop is found or nothing is left. Returns the number of rounds.
  size_t Run(size_t rounds) {
    size_t round = 0;
    for (; round < rounds && !events_.empty() && !tracer_.loop_found(); ++round) {
      tracer_.CountRound();
      std::vector<uint32_t> next;
      for (const uint32_t cause : events_) {
        if (++handled_ % kEventsInASlice == 0) tracer_.CountSlice();
        if (tracer_.active()) ++watched_;
        const bool watched = tracer_.active();
        const auto found = effects_.find(cause);
        if (found != effects_.end()) {
          for (const uint32_t effect : found->second) {
            next.push_back(effect);
            if (watched) tracer_.Note(cause, effect);
          }
        }
        if (watched) tracer_.EndEvent();
      }
      events_ = std::move(next);
    }
    if (events_.empty()) tracer_.Rest();
    return round;
  }

  const Effects &effects() const { return effects_; }
  size_t handled() const { return handled_; }
  size_t watched() const { return watched_; }

 private:
  LoopTracer &tracer_;
  const Effects effects_;
  std::vector<uint32_t> events_;
  size_t handled_ = 0;
  size_t watched_ = 0;
};

class LoopTracerRing : public testing::TestWithParam<uint32_t> {};

TEST_P(LoopTracerRing, IsFoundWhole) {
  LoopTracer tracer;
  Queue queue(tracer, Ring(100, GetParam()), {100});
  queue.Run(100 * GetParam() + 10'000);
  ASSERT_TRUE(tracer.loop_found());
  const std::vector<uint32_t> loop = tracer.TakeLoop();
  EXPECT_EQ(loop.size(), GetParam());
  EXPECT_TRUE(IsLoopOf(queue.effects(), loop));
  EXPECT_FALSE(tracer.loop_found());
  queue.Run(200'000);
  EXPECT_FALSE(tracer.loop_found()) << "a loop is told once";
}

INSTANTIATE_TEST_SUITE_P(LoopTracer, LoopTracerRing, testing::Values(1, 2, 3, 1000, 5000));

// Two events on ways into a loop, which they reach while it is watched, one after the other.
TEST(LoopTracer, LeavesOutWhatOnlyLeadsIntoALoop) {
  LoopTracer tracer;
  constexpr uint32_t kFirst = 1200, kSecond = 1600, kLoop = 5000;
  Effects effects = Ring(kLoop, 3);
  for (uint32_t i = 0; i < kFirst; ++i) effects[i] = {i + 1 == kFirst ? kLoop : i + 1};
  for (uint32_t i = 0; i < kSecond; ++i) effects[10'000 + i] = {i + 1 == kSecond ? kLoop : 10'000 + i + 1};
  Queue queue(tracer, effects, {0, 10'000});
  queue.Run(10'000);
  EXPECT_EQ(FromLowest(tracer.TakeLoop()), (std::vector<uint32_t>{kLoop, kLoop + 1, kLoop + 2}));
}

// All of the loop's channels lead to others as well, where it ends.
TEST(LoopTracer, LeavesOutWhatALoopOnlyLeadsTo) {
  const Effects cases[] = {
      {{1, {7, 2}}, {2, {8, 3}}, {3, {9, 1}}},
      {{1, {9, 2}}, {2, {9, 3}}, {3, {9, 1}}},
      {{1, {2, 8}}, {2, {3, 9}}, {3, {1, 9}}, {8, {9}}},
      {{1, {8, 9, 2}}, {2, {8, 9, 3}}, {3, {8, 9, 1}}, {8, {9}}},
  };
  for (const Effects &effects : cases) {
    LoopTracer tracer;
    Queue queue(tracer, effects, {1});
    queue.Run(10'000);
    EXPECT_EQ(FromLowest(tracer.TakeLoop()), (std::vector<uint32_t>{1, 2, 3}));
  }
}

TEST(LoopTracer, FindsOneLoopAfterTheOther) {
  LoopTracer tracer;
  Effects effects = Ring(0, 2);
  effects.merge(Ring(10, 3));
  effects.merge(Ring(20, 1));
  Queue queue(tracer, effects, {0, 10, 20});
  std::vector<std::vector<uint32_t>> loops;
  while (queue.Run(500'000) < 500'000 && loops.size() < 9) loops.push_back(FromLowest(tracer.TakeLoop()));
  std::sort(loops.begin(), loops.end());
  EXPECT_EQ(loops, (std::vector<std::vector<uint32_t>>{{0, 1}, {10, 11, 12}, {20}}));
}

TEST(LoopTracer, KeepsALoopUntilItIsTaken) {
  LoopTracer tracer;
  Queue first(tracer, Ring(0, 2), {0});
  first.Run(10'000);
  ASSERT_TRUE(tracer.loop_found());
  // Run() would stop at once.
  for (int i = 0; i < 300'000; ++i) {
    tracer.CountRound();
    if (!tracer.active()) continue;
    tracer.Note(7, 7);
    tracer.EndEvent();
  }
  EXPECT_EQ(FromLowest(tracer.TakeLoop()), (std::vector<uint32_t>{0, 1}));
}

TEST(LoopTracer, FindsLoopsSideBySideOfWhichARoundIsLongerThanAWatch) {
  LoopTracer tracer;
  constexpr uint32_t kLoops = 20'000;
  Effects effects;
  std::vector<uint32_t> events;
  for (uint32_t i = 0; i < kLoops; ++i) {
    effects.merge(Ring(2 * i, 2));
    events.push_back(2 * i);
  }
  Queue queue(tracer, effects, events);
  queue.Run(1000);
  ASSERT_TRUE(tracer.loop_found());
  EXPECT_TRUE(IsLoopOf(effects, tracer.TakeLoop()));
}

// A round of 350,000 loops of two channels, then one of the way back: no watch sees both, so what is seen of every
// slice in between has to help.
TEST(LoopTracer, FindsLoopsOfWhichARoundTakesHundredsOfSlices) {
  LoopTracer tracer;
  constexpr uint32_t kLoops = 350'000;
  for (uint32_t event = 0; event < 1'000'000 && !tracer.loop_found(); ++event) {
    const uint32_t first = event % kLoops * 2;
    const bool back = event / kLoops % 2 == 1;
    if (event % kLoops == 0) tracer.CountRound();
    if (event % kEventsInASlice == 0) tracer.CountSlice();
    if (!tracer.active()) continue;
    tracer.Note(first + (back ? 1 : 0), first + (back ? 0 : 1));
    tracer.EndEvent();
  }
  ASSERT_TRUE(tracer.loop_found());
  const std::vector<uint32_t> loop = FromLowest(tracer.TakeLoop());
  ASSERT_EQ(loop.size(), 2u);
  EXPECT_EQ(loop[0] % 2, 0u);
  EXPECT_EQ(loop[1], loop[0] + 1);
}

// A loop through processes: the queue is empty after each event.
class HopQueue {
 public:
  HopQueue(LoopTracer &tracer, Effects effects) : tracer_(tracer), effects_(std::move(effects)) {}

  // An event goes through so many processes, or until a loop is found or it leads to nothing.
  void Run(uint32_t event, uint32_t hops) {
    for (uint32_t i = 0; i < hops && !tracer_.loop_found(); ++i) {
      tracer_.CountHops(tracer_.active() ? 0 : ++hops_);
      const auto found = effects_.find(event);
      const bool watched = tracer_.active();
      if (watched) ++watched_;
      if (found == effects_.end()) break;
      if (watched) {
        for (const uint32_t effect : found->second) tracer_.Note(event, effect);
        tracer_.EndEvent();
      }
      event = found->second.front();
      tracer_.Rest();
    }
    hops_ = 0;
  }

  size_t watched() const { return watched_; }

 private:
  LoopTracer &tracer_;
  const Effects effects_;
  uint32_t hops_ = 0;
  size_t watched_ = 0;
};

TEST(LoopTracer, FindsALoopThroughProcessesOfAnyLengthOnce) {
  for (const uint32_t length : {1, 2, 900, 3000}) {
    LoopTracer tracer;
    const Effects effects = Ring(7, length);
    HopQueue queue(tracer, effects);
    queue.Run(7, 1'500'000);
    const std::vector<uint32_t> loop = tracer.TakeLoop();
    EXPECT_EQ(loop.size(), length);
    EXPECT_TRUE(IsLoopOf(effects, loop));
    queue.Run(7, 500'000);
    EXPECT_FALSE(tracer.loop_found()) << "a loop is told once";
    EXPECT_LT(queue.watched(), 40'000U);
    tracer.Forget();
    queue.Run(7, 1'500'000);
    EXPECT_TRUE(tracer.loop_found()) << "after a reload it is another one";
  }
}

TEST(LoopTracer, FindsNothingInALongWayThroughProcesses) {
  LoopTracer tracer;
  Effects line;
  for (uint32_t i = 0; i < 50'000; ++i) line[i] = {i + 1};
  HopQueue queue(tracer, line);
  queue.Run(0, 50'000);
  EXPECT_GT(queue.watched(), 0U);
  EXPECT_FALSE(tracer.loop_found());
}

TEST(LoopTracer, WatchesNothingThatGoesThroughFewProcesses) {
  LoopTracer tracer;
  HopQueue queue(tracer, Ring(0, 2));
  for (int i = 0; i < 100; ++i) queue.Run(0, 900);
  EXPECT_EQ(queue.watched(), 0U);
}

TEST(LoopTracer, TakesAnyNumberOfHops) {
  LoopTracer tracer;
  tracer.CountHops(UINT32_MAX >> 1);
  EXPECT_LT(tracer.hops(), UINT32_MAX >> 1);
  EXPECT_TRUE(tracer.active());
}

TEST(LoopTracer, WatchesNothingInBurstsThatEndSoon) {
  LoopTracer tracer;
  Effects line;
  for (uint32_t i = 0; i < 900; ++i) line[i] = {i + 1};
  for (int burst = 0; burst < 100; ++burst) {
    Queue queue(tracer, line, {0});
    queue.Run(10'000);
    EXPECT_EQ(queue.watched(), 0u);
  }
}

TEST(LoopTracer, FindsNothingInALongLineWithoutALoop) {
  LoopTracer tracer;
  Effects line;
  for (uint32_t i = 0; i < 50'000; ++i) line[i] = {i + 1};
  Queue queue(tracer, line, {0});
  queue.Run(100'000);
  EXPECT_GT(queue.watched(), 0u);
  EXPECT_FALSE(tracer.loop_found());
}

// Two channels that lead to the same ones are no loop, however often.
TEST(LoopTracer, FindsNothingWhereWaysMeetAgain) {
  LoopTracer tracer;
  Effects effects;
  for (uint32_t i = 0; i < 6000; i += 3) {
    effects[i] = {i + 1, i + 2};
    effects[i + 1] = {i + 3};
    if (i % 1500 == 0) effects[i + 2] = {i + 3};
  }
  Queue queue(tracer, effects, {0});
  queue.Run(100'000);
  EXPECT_GT(queue.watched(), 0u);
  EXPECT_FALSE(tracer.loop_found());
}

TEST(LoopTracer, WatchesFewEventsOfALoopThatGoesOnForLong) {
  LoopTracer tracer;
  Queue queue(tracer, Ring(0, 4), {0});
  queue.Run(10'000);
  ASSERT_TRUE(tracer.loop_found());
  tracer.TakeLoop();
  queue.Run(3'000'000);
  EXPECT_LT(queue.watched(), queue.handled() / 20);
}

TEST(LoopTracer, ForgetsALoopWhoseChannelsHaveOtherNumbersNow) {
  LoopTracer tracer;
  Queue queue(tracer, Ring(0, 2), {0});
  queue.Run(10'000);
  ASSERT_TRUE(tracer.loop_found());
  tracer.Forget();
  EXPECT_FALSE(tracer.loop_found());
  EXPECT_FALSE(tracer.active());
  queue.Run(10'000);
  EXPECT_EQ(FromLowest(tracer.TakeLoop()), (std::vector<uint32_t>{0, 1})) << "it is told again";
}

TEST(LoopTracer, MixesNothingOfBeforeIntoALoopThatItFindsLater) {
  LoopTracer tracer;
  // 1 leads to 2 before, 2 to 1 after: no loop at any time.
  for (int i = 0; i < 3; ++i) {
    Queue(tracer, {{1, {2, 5}}, {5, {1}}}, {1}).Run(1500);
    tracer.Forget();
    Queue after(tracer, {{2, {1, 6}}, {6, {2}}}, {2});
    after.Run(10'000);
    ASSERT_TRUE(tracer.loop_found());
    EXPECT_TRUE(IsLoopOf(after.effects(), tracer.TakeLoop()));
    tracer.Forget();
  }
}

}  // namespace
}  // namespace mmpy
