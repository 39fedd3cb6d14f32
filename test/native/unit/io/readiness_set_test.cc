#include "io/readiness_set.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "support/loop.h"

namespace mmpy {
namespace {

using test::Pipe;

class ReadinessSetTest : public testing::Test {
 protected:
  ReadinessSetTest() { EXPECT_EQ(set_.Open(), 0); }

  std::vector<uint64_t> Ready() {
    std::vector<uint64_t> tags;
    for (const auto &ready : Find()) tags.push_back(ready.tag);
    std::sort(tags.begin(), tags.end());
    return tags;
  }

  std::vector<ReadinessSet::Ready> Find() {
    std::vector<ReadinessSet::Ready> found(64);
    found.resize(set_.Find(found.data(), found.size()));
    return found;
  }

  // As libuv sees the set.
  bool SetCanBeRead() {
    pollfd entry{set_.fd(), POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
  }

  ReadinessSet set_;
};

using Tags = std::vector<uint64_t>;

TEST_F(ReadinessSetTest, TellsWhatCanBeReadAsLongAsItCan) {
  Pipe one, other;
  ASSERT_EQ(set_.Add(one.reader(), 11, kReadable), 0);
  ASSERT_EQ(set_.Add(other.reader(), UINT64_MAX, kReadable), 0);
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_FALSE(SetCanBeRead());
  other.Write();
  EXPECT_TRUE(SetCanBeRead());
  EXPECT_EQ(Ready(), Tags{UINT64_MAX});
  EXPECT_EQ(Ready(), Tags{UINT64_MAX}) << "nobody has read it";
  one.Write();
  EXPECT_EQ(Ready(), (Tags{11, UINT64_MAX}));
  other.Read();
  EXPECT_EQ(Ready(), Tags{11});
}

TEST_F(ReadinessSetTest, WaitsForWhatItIsAskedTo) {
  Pipe pipe;
  ASSERT_EQ(set_.Add(pipe.writer(), 1, kReadable), 0);
  EXPECT_EQ(Ready(), Tags{}) << "it can be written to, which was not asked for";
  ASSERT_EQ(set_.Change(pipe.writer(), 2, kWritable), 0);
  EXPECT_EQ(Ready(), Tags{2});
  EXPECT_EQ(Find().front().what, unsigned{kWritable});
  ASSERT_EQ(set_.Change(pipe.writer(), 3, kReadable), 0);
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_EQ(set_.Change(pipe.reader(), 4, kReadable), ENOENT) << "it was not added";
}

TEST_F(ReadinessSetTest, TellsTheEndOfAStream) {
  Pipe pipe;
  ASSERT_EQ(set_.Add(pipe.reader(), 1, kReadable), 0);
  pipe.CloseWriter();
  EXPECT_EQ(Ready(), Tags{1});
}

TEST_F(ReadinessSetTest, ForgetsWhatIsRemoved) {
  Pipe pipe;
  ASSERT_EQ(set_.Add(pipe.reader(), 1, kReadable), 0);
  pipe.Write();
  EXPECT_TRUE(set_.Remove(pipe.reader()));
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_FALSE(set_.Remove(pipe.reader()));
  EXPECT_EQ(set_.Add(pipe.reader(), 2, kReadable), 0);
  EXPECT_EQ(Ready(), Tags{2});
}

TEST_F(ReadinessSetTest, ForgetsWhatIsClosedAndTakesItsNumberAgain) {
  Pipe pipe;
  ASSERT_EQ(set_.Add(pipe.reader(), 1, kReadable), 0);
  pipe.Write();
  const int number = pipe.reader();
  pipe.CloseReader();
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_FALSE(set_.Remove(number));
  Pipe next;
  ASSERT_EQ(next.reader(), number) << "the system gives the lowest free number";
  EXPECT_EQ(set_.Add(number, 2, kReadable), 0);
  next.Write();
  EXPECT_EQ(Ready(), Tags{2});
}

TEST_F(ReadinessSetTest, SaysWhyItRefusesADescriptor) {
  Pipe pipe;
  ASSERT_EQ(set_.Add(pipe.reader(), 1, kReadable), 0);
#ifdef __linux__
  EXPECT_EQ(set_.Add(pipe.reader(), 2, kReadable), EEXIST);
#endif
  EXPECT_EQ(set_.Add(-1, 3, kReadable), EBADF);
  char name[] = "/tmp/mmpy-unit-XXXXXX";
  const int file = mkstemp(name);
  ASSERT_GE(file, 0);
  unlink(name);
  EXPECT_EQ(set_.Add(file, 4, kReadable), EPERM) << "a regular file can always be read";
  close(file);
  const int folder = open("/", O_RDONLY);
  EXPECT_EQ(set_.Add(folder, 5, kReadable), EPERM);
  close(folder);
}

TEST_F(ReadinessSetTest, TellsAtMostAsManyAsAreAskedFor) {
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (uint64_t i = 0; i < 100; ++i) {
    pipes.push_back(std::make_unique<Pipe>());
    pipes.back()->Write();
    ASSERT_EQ(set_.Add(pipes.back()->reader(), i, kReadable), 0);
  }
  ReadinessSet::Ready found[8] = {};
  found[3].tag = 12345;
  EXPECT_EQ(set_.Find(found, 3), 3u);
  EXPECT_EQ(found[3].tag, 12345u);
  // All get their turn, since those that were told come last.
  std::vector<bool> told(100);
  for (int i = 0; i < 5; ++i) {
    for (const uint64_t tag : Ready()) told[tag] = true;
  }
  EXPECT_EQ(std::count(told.begin(), told.end(), true), 100);
}

TEST_F(ReadinessSetTest, IsNotInheritedByOtherPrograms) { EXPECT_NE(fcntl(set_.fd(), F_GETFD) & FD_CLOEXEC, 0); }

TEST_F(ReadinessSetTest, CanBeClosedTwiceAndOpenedAgain) {
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(set_.Add(pipe.reader(), 1, kReadable), 0);
  set_.Close();
  set_.Close();
  EXPECT_FALSE(set_.is_open());
  ASSERT_EQ(set_.Open(), 0);
  EXPECT_TRUE(set_.is_open());
  EXPECT_EQ(Ready(), Tags{}) << "what was in it is gone";
}

}  // namespace
}  // namespace mmpy
