#include "io/alarm.h"

#include <gtest/gtest.h>

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
  AlarmTest() { EXPECT_EQ(alarm_->Open(loop_.get(), count_), 0); }
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
  std::optional<Alarm> alarm_{std::in_place, [this] { ++rings_; }};
};

TEST_F(AlarmTest, RingsAtItsTimeAndNotBefore) {
  alarm_->Prepare();
  for (int i = 0; i < 20; ++i) {
    const uint64_t time = SteadyNs() + kMs / 2;
    alarm_->Set(time);
    EXPECT_GE(AwaitRing(), time);
  }
}

TEST_F(AlarmTest, RingsAtOnceForATimeThatIsOver) {
  alarm_->Prepare();
  alarm_->Set(SteadyNs() - kMs);
  AwaitRing();
  alarm_->Set(0);
  AwaitRing();
}

TEST_F(AlarmTest, RingsForAnEarlierTimeThatIsSetInPlaceOfALaterOne) {
  alarm_->Prepare();
  alarm_->Set(SteadyNs() + 1'000'000 * kMs);
  alarm_->Set(SteadyNs() + kMs);
  AwaitRing();
}

TEST_F(AlarmTest, DoesNotRingForATimeThatIsCancelled) {
  alarm_->Prepare();
  alarm_->Set(SteadyNs() + 20 * kMs);
  alarm_->Set(Alarm::kNever);
  const uint64_t end = SteadyNs() + 40 * kMs;
  while (SteadyNs() < end) loop_.Turn();
  EXPECT_EQ(rings_, 0);
}

TEST_F(AlarmTest, DoesNotRingOnceItIsClosed) {
  alarm_->Prepare();
  for (int i = 0; i < 100; ++i) alarm_->Set(SteadyNs() + i % 2);
  alarm_->Close();
  alarm_->Set(0);
  loop_.Turn();
  EXPECT_EQ(rings_, 0);
}

TEST_F(AlarmTest, NeedsNoThreadUnlessATimeIsSet) { EXPECT_EQ(rings_, 0); }

}  // namespace
}  // namespace mmpy
