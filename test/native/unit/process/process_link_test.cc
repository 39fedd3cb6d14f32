// The router's side of an instance's process, whose part the tests play.
#include "process/process_link.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iterator>
#include <memory>
#include <vector>

#include "routing/javascript.h"
#include "support/loop.h"

namespace mmpy {
namespace {

class Listener final : public CoreListener {
 public:
  void Deliver(InstanceId, const uint32_t *, const double *, size_t count) override { delivered += count; }
  void Tapped(const uint32_t *, const double *, size_t) override {}
  void Tell(News) override {}
  void Failed(const char *what) override { ADD_FAILURE() << what; }

  size_t delivered = 0;
};

class ProcessLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto link = std::make_unique<ProcessLink>(core_, 0);
    link_ = link.get();
    core_.Add(std::move(link));
    core_.Add(std::make_unique<Javascript>(core_, 1));
    core_.Connect({0, 1}, {0, 1, 1}, {1});
    core_.Run();
    if (link_->Open(descriptors_) == ENOSYS) GTEST_SKIP() << "Linux only";
    void *const memory =
        mmap(nullptr, sizeof(SharedMemory), PROT_READ | PROT_WRITE, MAP_SHARED, descriptors_.memory, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = static_cast<SharedMemory *>(memory);
  }
  void TearDown() override {
    if (shared_ != nullptr) munmap(shared_, sizeof(SharedMemory));
    for (const int fd : {descriptors_.requests[0], descriptors_.requests[1], descriptors_.crash}) {
      if (fd >= 0) close(fd);
    }
    core_.Stop([](bool) {});
    loop_.Turn();
    loop_.Turn();
  }

  test::Loop loop_;
  Listener listener_;
  Core core_{loop_.get(), listener_};
  ProcessLink *link_ = nullptr;
  ProcessLink::Descriptors descriptors_;
  SharedMemory *shared_ = nullptr;
};

TEST_F(ProcessLinkTest, EmitsAllThatAProcessHasOutputBeforeItsEnd) {
  RingWriter writer(shared_->to_router);
  size_t output = 0;
  while (writer.Add(0, 0.5)) ++output;
  writer.Publish();
  EXPECT_EQ(link_->Ended(), 0U);
  EXPECT_EQ(listener_.delivered, output);
  EXPECT_EQ(link_->counters.out, output);
}

// Whatever a process says of what led to its events.
TEST_F(ProcessLinkTest, TakesAnyTrail) {
  const Trail trails[] = {0, 1, 999, 1001, kTraced - 1, kTraced, kTraced + 1, kTraced | 0x7fffffff};
  RingWriter writer(shared_->to_router);
  for (int round = 0; round < 300; ++round) {
    for (const Trail trail : trails) ASSERT_TRUE(writer.Add(0, 0.5, trail));
  }
  writer.Publish();
  EXPECT_EQ(link_->Ended(), 0U);
  EXPECT_EQ(listener_.delivered, 300 * std::size(trails));
}

}  // namespace
}  // namespace mmpy
