#include "io/readiness_set.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "io/forked.h"
#include "support/loop.h"

namespace mmpy {
namespace {

using test::Pipe;
using test::SocketPair;

class ReadinessSetTest : public testing::Test {
 protected:
  ReadinessSetTest() { EXPECT_EQ(set_.Open(), 0); }

  // The tags of those that are ready, in order.
  std::vector<uint64_t> Ready() {
    std::vector<uint64_t> tags;
    for (const auto &[tag, what] : Found()) tags.push_back(tag);
    return tags;
  }

  // And for what. A system may tell of one that is ready for both twice.
  std::map<uint64_t, unsigned> Found() {
    ReadinessSet::Ready found[64];
    std::map<uint64_t, unsigned> whats;
    const size_t count = set_.Find(found, std::size(found));
    for (size_t i = 0; i < count; ++i) whats[found[i].tag] |= found[i].what;
    return whats;
  }

  int Add(int fd, uint64_t tag, unsigned interest = kReadable) { return set_.Add(fd, tag, interest); }

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
  ASSERT_EQ(Add(one.reader(), 11), 0);
  ASSERT_EQ(Add(other.reader(), UINT64_MAX), 0);
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
  ASSERT_EQ(Add(pipe.writer(), 1), 0);
  EXPECT_EQ(Ready(), Tags{}) << "it can be written to, which was not asked for";
  ASSERT_EQ(set_.Change(pipe.writer(), 2, kWritable), 0);
  EXPECT_EQ(Ready(), Tags{2});
  ASSERT_EQ(set_.Change(pipe.writer(), 3, kReadable), 0);
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_EQ(set_.Change(pipe.reader(), 4, kReadable), ENOENT) << "it was not added";
}

TEST_F(ReadinessSetTest, TellsTheEndOfAStream) {
  Pipe pipe;
  ASSERT_EQ(Add(pipe.reader(), 1), 0);
  pipe.CloseWriter();
  EXPECT_EQ(Ready(), Tags{1});
}

TEST_F(ReadinessSetTest, ForgetsWhatIsRemoved) {
  Pipe pipe;
  ASSERT_EQ(Add(pipe.reader(), 1), 0);
  pipe.Write();
  EXPECT_TRUE(set_.Remove(pipe.reader()));
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_FALSE(set_.Remove(pipe.reader()));
  EXPECT_EQ(Add(pipe.reader(), 2), 0);
  EXPECT_EQ(Ready(), Tags{2});
}

TEST_F(ReadinessSetTest, ForgetsWhatIsClosedAndTakesItsNumberAgain) {
  Pipe pipe;
  ASSERT_EQ(Add(pipe.reader(), 1), 0);
  pipe.Write();
  const int number = pipe.reader();
  pipe.CloseReader();
  EXPECT_EQ(Ready(), Tags{});
  EXPECT_FALSE(set_.Remove(number));
  Pipe next;
  ASSERT_EQ(next.reader(), number) << "the system gives the lowest free number";
  EXPECT_EQ(Add(number, 2), 0);
  next.Write();
  EXPECT_EQ(Ready(), Tags{2});
}

TEST_F(ReadinessSetTest, SaysWhyItRefusesADescriptor) {
  Pipe pipe;
  ASSERT_EQ(Add(pipe.reader(), 1), 0);
#ifdef __linux__
  EXPECT_EQ(Add(pipe.reader(), 2), EEXIST);
#endif
  EXPECT_EQ(Add(-1, 3), EBADF);
  char name[] = "/tmp/mmpy-unit-XXXXXX";
  const int file = mkstemp(name);
  ASSERT_GE(file, 0);
  unlink(name);
  EXPECT_EQ(Add(file, 4), EPERM) << "a regular file can always be read";
  close(file);
  const int folder = open("/", O_RDONLY);
  EXPECT_EQ(Add(folder, 5), EPERM);
  close(folder);
}

TEST_F(ReadinessSetTest, TellsAtMostAsManyAsAreAskedFor) {
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (uint64_t i = 0; i < 100; ++i) {
    pipes.push_back(std::make_unique<Pipe>());
    pipes.back()->Write();
    ASSERT_EQ(Add(pipes.back()->reader(), i), 0);
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

using Whats = std::map<uint64_t, unsigned>;

TEST_F(ReadinessSetTest, TellsWhatCanBeWrittenToAsLongAsItCan) {
  SocketPair pair;
  ASSERT_EQ(Add(pair.one(), 1, kWritable), 0);
  EXPECT_TRUE(SetCanBeRead()) << "the set, which is what libuv waits for";
  EXPECT_EQ(Found(), (Whats{{1, kWritable}}));
  pair.Fill();
  EXPECT_EQ(Found(), Whats{});
  EXPECT_FALSE(SetCanBeRead());
  pair.Answer();
  EXPECT_EQ(Found(), Whats{}) << "that it can be read is not asked for";
  pair.Empty();
  EXPECT_EQ(Found(), (Whats{{1, kWritable}}));
}

TEST_F(ReadinessSetTest, TellsOfOneDescriptorBothThings) {
  SocketPair pair;
  ASSERT_EQ(Add(pair.one(), 1, kReadable | kWritable), 0);
  EXPECT_EQ(Found(), (Whats{{1, kWritable}}));
  pair.Answer();
  EXPECT_EQ(Found(), (Whats{{1, kReadable | kWritable}}));
  pair.Fill();
  EXPECT_EQ(Found(), (Whats{{1, kReadable}}));
}

TEST_F(ReadinessSetTest, WaitsForSomethingElseWithANewTag) {
  SocketPair pair;
  pair.Answer();
  ASSERT_EQ(Add(pair.one(), 1, kReadable), 0);
  const struct {
    unsigned interest;
    Whats found;
  } cases[] = {{kWritable, {{2, kWritable}}},
               {kReadable | kWritable, {{2, kReadable | kWritable}}},
               {kReadable, {{2, kReadable}}},
               {kReadable, {{2, kReadable}}}};
  for (const auto &[interest, found] : cases) {
    ASSERT_EQ(set_.Change(pair.one(), 2, interest), 0);
    EXPECT_EQ(Found(), found) << "interest " << interest;
  }
  EXPECT_TRUE(set_.Remove(pair.one()));
  EXPECT_EQ(Found(), Whats{});
  EXPECT_EQ(set_.Change(pair.one(), 2, kWritable), ENOENT);
}

TEST_F(ReadinessSetTest, ForgetsAWriterThatIsClosed) {
  SocketPair pair;
  ASSERT_EQ(Add(pair.one(), 1, kReadable | kWritable), 0);
  const int number = pair.one();
  pair.CloseOne();
  EXPECT_EQ(Found(), Whats{});
  EXPECT_FALSE(set_.Remove(number));
  EXPECT_NE(set_.Change(number, 1, kReadable), 0);
}

// So that whoever waits for one of them only learns of the end.
TEST_F(ReadinessSetTest, TellsAWriterWhoseOtherEndIsClosed) {
  SocketPair pair;
  pair.Fill();
  ASSERT_EQ(Add(pair.one(), 1, kWritable), 0);
  EXPECT_EQ(Found(), Whats{});
  pair.CloseOther();
  EXPECT_EQ(Found().at(1) & kWritable, unsigned{kWritable});
}

TEST_F(ReadinessSetTest, IsNotInheritedByOtherPrograms) { EXPECT_NE(fcntl(set_.fd(), F_GETFD) & FD_CLOEXEC, 0); }

TEST_F(ReadinessSetTest, CanBeClosedTwiceAndOpenedAgain) {
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(Add(pipe.reader(), 1), 0);
  set_.Close();
  set_.Close();
  EXPECT_FALSE(set_.is_open());
  ASSERT_EQ(set_.Open(), 0);
  EXPECT_TRUE(set_.is_open());
  EXPECT_EQ(Ready(), Tags{}) << "what was in it is gone";
}

// User code has closed its descriptor, and another file has got the number.
TEST_F(ReadinessSetTest, IsForgottenByForkedChildrenToo) {
  ListenToForks({[] {}, [](bool) { return 0; }});
  const int number = set_.fd();
  Pipe pipe;
  ASSERT_EQ(dup2(pipe.reader(), number), number);
  set_.Forget();
  EXPECT_FALSE(set_.is_open());
  const pid_t child = fork();
  if (child == 0) _exit(fcntl(number, F_GETFD) >= 0 ? 0 : 1);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "it is open in the child";
  close(number);
}

}  // namespace
}  // namespace mmpy
