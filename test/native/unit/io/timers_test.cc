#include "io/timers.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "support/loop.h"

namespace mmpy {
namespace {

using test::Loop;
using Ids = std::vector<Timers::TimerId>;

class TimersTest : public testing::Test {
 protected:
  TimersTest() { EXPECT_EQ(timers_->Open(loop_.get(), count_), 0); }
  ~TimersTest() override {
    timers_.reset();
    bool closed = false;
    count_->WhenNone([&] { closed = true; });
    loop_.Turn();
    EXPECT_TRUE(closed);
  }

  // Those that were called in one iteration, as soon as so many ms have passed on the loop's clock.
  Ids TurnAfter(uint64_t ms) {
    const uint64_t end = uv_now(loop_.get()) + ms;
    while (uv_now(loop_.get()) < end) uv_update_time(loop_.get());
    loop_.Turn();
    return std::exchange(called_, {});
  }

  // The same for several iterations, in which of them is the machine's business.
  Ids TurnsAfter(const std::vector<uint64_t> &all_ms) {
    Ids called;
    for (const uint64_t ms : all_ms) {
      for (const auto timer : TurnAfter(ms)) called.push_back(timer);
    }
    return called;
  }

  Loop loop_;
  std::shared_ptr<HandleCount> count_ = std::make_shared<HandleCount>();
  Ids called_;
  std::function<void(Timers::TimerId)> on_due_ = [](Timers::TimerId) {};
  std::optional<Timers> timers_{std::in_place, [this](Timers::TimerId timer) {
                                  called_.push_back(timer);
                                  on_due_(timer);
                                }};
};

TEST_F(TimersTest, ThatAreDueTogetherComeInTheOrderOfTheirTimesThenOfTheirStarts) {
  Ids ids;
  for (const uint64_t delay : {3, 1, 2, 1, 0, 3}) ids.push_back(timers_->Start(delay));
  EXPECT_FALSE(timers_->empty());
  EXPECT_EQ(TurnAfter(4), (Ids{ids[4], ids[1], ids[3], ids[2], ids[0], ids[5]}));
  EXPECT_TRUE(timers_->empty());
  EXPECT_EQ(TurnAfter(4), Ids{});
}

TEST_F(TimersTest, NoneComesBeforeItsTime) {
  const auto soon = timers_->Start(0);
  const auto late = timers_->Start(1'000'000);
  EXPECT_EQ(TurnAfter(1), Ids{soon});
  EXPECT_EQ(TurnAfter(5), Ids{});
  EXPECT_TRUE(timers_->Cancel(late));
  EXPECT_TRUE(timers_->empty());
}

TEST_F(TimersTest, AnEarlierOneThatIsStartedLaterComesAtItsTime) {
  timers_->Start(1'000'000);
  const auto early = timers_->Start(2);
  EXPECT_EQ(TurnAfter(3), Ids{early});
}

TEST_F(TimersTest, OnesThatAreCancelledDoNotCome) {
  Ids ids;
  for (int i = 0; i < 5; ++i) ids.push_back(timers_->Start(1));
  for (const int i : {0, 2, 4}) {
    EXPECT_TRUE(timers_->Cancel(ids[i]));
    EXPECT_FALSE(timers_->Cancel(ids[i])) << "a second time";
  }
  EXPECT_FALSE(timers_->Cancel(12345)) << "never started";
  EXPECT_EQ(TurnAfter(2), (Ids{ids[1], ids[3]}));
  EXPECT_FALSE(timers_->Cancel(ids[1])) << "has come";
}

TEST_F(TimersTest, TheNextOneComesIfTheFirstIsCancelled) {
  const auto first = timers_->Start(1);
  const auto next = timers_->Start(3);
  timers_->Cancel(first);
  EXPECT_EQ(TurnsAfter({1, 4}), Ids{next});
}

TEST_F(TimersTest, OneMayCancelOthersThatAreDueWithIt) {
  const auto first = timers_->Start(1);
  const auto second = timers_->Start(1);
  const auto third = timers_->Start(1);
  on_due_ = [&](Timers::TimerId timer) {
    if (timer != first) return;
    EXPECT_FALSE(timers_->Cancel(first)) << "it is being called";
    EXPECT_TRUE(timers_->Cancel(second));
  };
  EXPECT_EQ(TurnAfter(2), (Ids{first, third}));
}

TEST_F(TimersTest, OneThatIsStartedAgainWhenItComesTakesTheNextIteration) {
  auto expected = timers_->Start(0);
  on_due_ = [&](Timers::TimerId timer) {
    if (timer < 1000) timers_->Start(0);
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(TurnAfter(1), Ids{expected++}) << "libuv's other work has its turn in between";
  }
}

TEST_F(TimersTest, ThoseStartedMeanwhileWaitButDoNotHoldUpOthers) {
  const auto first = timers_->Start(1);
  const auto second = timers_->Start(2);
  std::optional<Timers::TimerId> started;
  on_due_ = [&](Timers::TimerId timer) {
    if (timer == first) started = timers_->Start(0);
  };
  EXPECT_EQ(TurnAfter(3), (Ids{first, second}));
  EXPECT_EQ(TurnAfter(1), Ids{*started});
}

TEST_F(TimersTest, OneThatThrowsDoesNotHoldUpOthers) {
  const auto first = timers_->Start(1);
  const auto second = timers_->Start(1);
  const auto third = timers_->Start(3);
  on_due_ = [](Timers::TimerId) { throw std::runtime_error("broken"); };
  EXPECT_EQ(TurnsAfter({2, 4}), (Ids{first, second, third}));
}

TEST_F(TimersTest, MayBeClosedByOneOfThem) {
  const auto first = timers_->Start(1);
  timers_->Start(1);
  on_due_ = [&](Timers::TimerId) { timers_->Close(); };
  EXPECT_EQ(TurnAfter(2), Ids{first});
  EXPECT_TRUE(timers_->empty());
  EXPECT_EQ(TurnAfter(2), Ids{});
}

TEST_F(TimersTest, NoneComesAfterTheEnd) {
  timers_->Start(0);
  timers_->Start(1);
  timers_.reset();
  EXPECT_EQ(TurnAfter(3), Ids{});
}

TEST_F(TimersTest, DoNotKeepTheLoopAlive) {
  uv_loop_t loop;
  ASSERT_EQ(uv_loop_init(&loop), 0);
  const auto count = std::make_shared<HandleCount>();
  {
    Timers timers([](Timers::TimerId) {});
    ASSERT_EQ(timers.Open(&loop, count), 0);
    timers.Start(1'000'000);
    EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0) << "returns at once";
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&loop), 0);
}

}  // namespace
}  // namespace mmpy
