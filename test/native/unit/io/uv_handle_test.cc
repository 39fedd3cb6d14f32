#include "io/uv_handle.h"

#include <gtest/gtest.h>

#include <memory>

#include "support/loop.h"

namespace mmpy {
namespace {

using test::Loop;

class UvHandleTest : public testing::Test {
 protected:
  int OpenTimer(UvHandle<uv_timer_t> &timer, void *data) {
    return timer.Open(count_, data, [this](uv_timer_t *handle) { return uv_timer_init(loop_.get(), handle); });
  }

  // How many times the count has said that no handle is open.
  void Wait() {
    count_->WhenNone([this] { ++none_; });
  }

  Loop loop_;
  std::shared_ptr<HandleCount> count_ = std::make_shared<HandleCount>();
  int none_ = 0;
};

TEST_F(UvHandleTest, NothingIsOpenAtFirst) {
  const UvHandle<uv_timer_t> timer;
  EXPECT_FALSE(timer);
  Wait();
  EXPECT_EQ(none_, 1) << "at once";
}

TEST_F(UvHandleTest, CallbacksFindTheirData) {
  UvHandle<uv_timer_t> timer;
  int called = 0;
  ASSERT_EQ(OpenTimer(timer, &called), 0);
  ASSERT_TRUE(timer);
  uv_timer_start(
      timer.get(), [](uv_timer_t *handle) { ++*static_cast<int *>(handle->data); }, 0, 0);
  loop_.Turn();
  loop_.Turn();
  EXPECT_EQ(called, 1);
}

TEST_F(UvHandleTest, DoesNotKeepTheLoopAlive) {
  UvHandle<uv_timer_t> timer;
  ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  uv_timer_start(
      timer.get(), [](uv_timer_t *) {}, 1'000'000, 0);
  EXPECT_EQ(uv_has_ref(reinterpret_cast<uv_handle_t *>(timer.get())), 0);
}

TEST_F(UvHandleTest, ClosingTwiceIsClosingOnce) {
  UvHandle<uv_timer_t> timer;
  ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  timer.Close();
  timer.Close();
  EXPECT_FALSE(timer);
  Wait();
  EXPECT_EQ(none_, 0) << "libuv still knows it";
  loop_.Turn();
  EXPECT_EQ(none_, 1);
  timer.Close();
  loop_.Turn();
  EXPECT_EQ(none_, 1);
}

TEST_F(UvHandleTest, ClosesAtItsEnd) {
  {
    UvHandle<uv_timer_t> timer;
    ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  }
  Wait();
  EXPECT_EQ(none_, 0);
  loop_.Turn();
  EXPECT_EQ(none_, 1);
}

TEST_F(UvHandleTest, TheLastOfManyEndsTheWait) {
  UvHandle<uv_timer_t> timers[3];
  for (UvHandle<uv_timer_t> &timer : timers) ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  Wait();
  for (UvHandle<uv_timer_t> &timer : timers) {
    loop_.Turn();
    EXPECT_EQ(none_, 0);
    timer.Close();
  }
  loop_.Turn();
  EXPECT_EQ(none_, 1);
}

TEST_F(UvHandleTest, CanBeOpenedAgainWhileTheFormerHandleCloses) {
  UvHandle<uv_timer_t> timer;
  ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  timer.Close();
  ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  Wait();
  loop_.Turn();
  EXPECT_EQ(none_, 0) << "the new one is open";
  timer.Close();
  loop_.Turn();
  EXPECT_EQ(none_, 1);
}

TEST_F(UvHandleTest, AFailureToOpenLeavesNothingBehind) {
  UvHandle<uv_timer_t> timer;
  EXPECT_EQ(timer.Open(count_, nullptr, [](uv_timer_t *) { return UV_ENOMEM; }), UV_ENOMEM);
  EXPECT_FALSE(timer);
  Wait();
  EXPECT_EQ(none_, 1);
}

TEST_F(UvHandleTest, CallbacksThatAreOnTheirWayFindNoData) {
  UvHandle<uv_timer_t> timer;
  int data = 0;
  ASSERT_EQ(OpenTimer(timer, &data), 0);
  const uv_timer_t *const handle = timer.get();  // lives until the loop's next iteration
  timer.Close();
  EXPECT_EQ(handle->data, nullptr);
}

TEST_F(UvHandleTest, TheEndOfTheWaitIsToldOnce) {
  for (int i = 0; i < 2; ++i) {
    UvHandle<uv_timer_t> timer;
    ASSERT_EQ(OpenTimer(timer, nullptr), 0);
    if (i == 0) Wait();
    timer.Close();
    loop_.Turn();
    EXPECT_EQ(none_, 1);
  }
}

// The count may be all that is left of its owner, and the callback may end that.
TEST_F(UvHandleTest, TheCountOutlivesItsOwner) {
  UvHandle<uv_timer_t> timer;
  ASSERT_EQ(OpenTimer(timer, nullptr), 0);
  Wait();
  count_.reset();
  timer.Close();
  loop_.Turn();
  EXPECT_EQ(none_, 1);
}

}  // namespace
}  // namespace mmpy
