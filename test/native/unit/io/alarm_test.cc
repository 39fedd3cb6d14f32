#include "io/alarm.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/timerfd.h>
#include <unistd.h>
#endif

#include <functional>
#include <memory>
#include <optional>

#include "io/steady_ms.h"
#include "support/loop.h"

namespace mmpy {
namespace {

using test::Loop;

constexpr uint64_t kMs = 1'000'000;

class AlarmTest : public testing::Test {
 protected:
  AlarmTest() { alarm_->Open(loop_.get(), count_); }
  ~AlarmTest() override {
    alarm_.reset();
    bool closed = false;
    count_->WhenNone([&] { closed = true; });
    loop_.Turn();
    EXPECT_TRUE(closed);
  }

  // When it rang.
  uint64_t AwaitRing() {
    const int before = rings_;
    while (rings_ == before) loop_.Turn();
    return SteadyNs();
  }

  Loop loop_;
  std::shared_ptr<HandleCount> count_ = std::make_shared<HandleCount>();
  int rings_ = 0;
  std::function<void()> on_ring_ = [] {};
  std::optional<Alarm> alarm_{std::in_place, [this] {
                                ++rings_;
                                on_ring_();
                              }};
};

TEST_F(AlarmTest, RingsAtItsTimeAndNotBefore) {
  for (int i = 0; i < 20; ++i) {
    const uint64_t time = SteadyNs() + kMs / 2;
    alarm_->Set(time);
    EXPECT_GE(AwaitRing(), time);
  }
}

TEST_F(AlarmTest, RingsAtOnceForATimeThatIsOver) {
  alarm_->Set(SteadyNs() - kMs);
  AwaitRing();
  alarm_->Set(0);
  AwaitRing();
}

TEST_F(AlarmTest, RingsForAnEarlierTimeThatIsSetInPlaceOfALaterOne) {
  alarm_->Set(SteadyNs() + 1'000'000 * kMs);
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
}

TEST_F(AlarmTest, DoesNotRingForATimeThatIsCancelled) {
  alarm_->Set(SteadyNs() + 20 * kMs);
  alarm_->Set(Alarm::kNever);
  const uint64_t end = SteadyNs() + 40 * kMs;
  while (SteadyNs() < end) loop_.Turn();
  EXPECT_EQ(rings_, 0);
}

TEST_F(AlarmTest, DoesNotRingOnceItIsClosed) {
  for (int i = 0; i < 100; ++i) alarm_->Set(SteadyNs() + i % 2);
  alarm_->Close();
  alarm_->Set(0);
  loop_.Turn();
  EXPECT_EQ(rings_, 0);
}

#ifdef __linux__

// The timerfd of the process; -1 if there is not one.
int FindTimerfd() {
  for (int fd = 0; fd < 64; ++fd) {
    itimerspec spec;
    if (timerfd_gettime(fd, &spec) == 0) return fd;
  }
  return -1;
}

TEST_F(AlarmTest, TakesADescriptorOnceATimeIsSetAndGivesItBack) {
  loop_.Turn();
  EXPECT_EQ(FindTimerfd(), -1);
  alarm_->Set(SteadyNs() + kMs);
  EXPECT_EQ(FindTimerfd(), -1) << "libuv would end the process if it was closed before the next poll";
  loop_.Turn();
  EXPECT_NE(FindTimerfd(), -1);
  alarm_->Close();
  EXPECT_EQ(FindTimerfd(), -1);
}

TEST_F(AlarmTest, RingsTwoMillisecondsLateAtMostWhenItsDescriptorWasClosedAndThenHasAnother) {
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
  alarm_->Set(SteadyNs() + kMs);
  close(FindTimerfd());
  AwaitRing();
  EXPECT_EQ(FindTimerfd(), -1);
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
  EXPECT_NE(FindTimerfd(), -1);
}

TEST_F(AlarmTest, NeitherReadsNorClosesAFileThatHasItsNumber) {
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
  const int fd = FindTimerfd();
  test::Pipe pipe;
  pipe.Write();
  ASSERT_EQ(dup2(pipe.reader(), fd), fd);
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
  alarm_->Close();
  char byte = 0;
  EXPECT_EQ(read(fd, &byte, 1), 1);
  close(fd);
}

TEST_F(AlarmTest, RingsWithoutADescriptorForIt) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 2; ++i) {
    const uint64_t time = SteadyNs() + kMs;
    alarm_->Set(time);
    EXPECT_GE(AwaitRing(), time);
  }
  EXPECT_EQ(FindTimerfd(), -1);
  setrlimit(RLIMIT_NOFILE, &before);
}

#endif

TEST_F(AlarmTest, RingsOnceInATurnOfTheLoopHoweverLateItIs) {
  // Without a descriptor, by the timer alone.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  on_ring_ = [&] { alarm_->Set(rings_ < 100 ? 0 : Alarm::kNever); };
  alarm_->Set(0);
  while (rings_ < 5) {
    const int rung = rings_;
    loop_.Turn();
    ASSERT_LE(rings_, rung + 1);
  }
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(AlarmTest, DoesNotSpinWhenItHasRung) {
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
  for (int i = 0; i < 100; ++i) loop_.Turn();
  EXPECT_EQ(rings_, 1);
  alarm_->Set(SteadyNs() + 1'000'000 * kMs);
  loop_.Turn();
  EXPECT_EQ(rings_, 1);
}

TEST_F(AlarmTest, MaySetAnotherTimeAndBeClosedWhileItRings) {
  on_ring_ = [&] { alarm_->Set(rings_ < 3 ? SteadyNs() + kMs : Alarm::kNever); };
  alarm_->Set(0);
  while (rings_ < 3) loop_.Turn();
  on_ring_ = [&] {
    alarm_->Set(SteadyNs());
    alarm_->Close();
  };
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
  for (int i = 0; i < 10; ++i) loop_.Turn();
  EXPECT_EQ(rings_, 4);
}

}  // namespace
}  // namespace mmpy
