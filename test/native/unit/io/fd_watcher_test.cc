#include "io/fd_watcher.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/loop.h"
#include "support/uv_failures.h"

namespace mmpy {
namespace {

using test::Loop;
using test::Pipe;
using test::SocketPair;

using Watches = std::vector<WatchId>;
using Whats = std::map<WatchId, unsigned>;

class Listener final : public FdListener {
 public:
  void OnReady(const std::vector<ReadyWatch> &ready) override {
    ++calls;
    for (const auto &[watch, what] : ready) {
      told.push_back(watch);
      whats[watch] |= what;
    }
    if (on_ready) on_ready();
  }

  void OnFailure(const char *what) override { failure = what; }

  // In order of their numbers.
  Watches Take() {
    std::sort(told.begin(), told.end());
    whats.clear();
    return std::exchange(told, {});
  }

  int calls = 0;
  Watches told;
  std::map<WatchId, unsigned> whats;  // what those can be done
  std::function<void()> on_ready;
  std::string failure;
};

class FdWatcherTest : public testing::Test {
 protected:
  ~FdWatcherTest() override {
    watcher_.Close();
    bool closed = false;
    count_->WhenNone([&] { closed = true; });
    loop_.Turn();
    EXPECT_TRUE(closed);
  }

  void Start() { ASSERT_EQ(watcher_.Start(loop_.get(), count_), 0); }

  Watches Turn() {
    loop_.Turn();
    return listener_.Take();
  }

  // What each can be done, in one iteration.
  Whats TurnForWhat() {
    loop_.Turn();
    Whats whats = std::exchange(listener_.whats, {});
    listener_.Take();
    return whats;
  }

  Loop loop_;
  std::shared_ptr<HandleCount> count_ = std::make_shared<HandleCount>();
  Listener listener_;
  FdWatcher watcher_{listener_};
};

TEST_F(FdWatcherTest, TellsWhatCanBeRead) {
  Start();
  Pipe one, other;
  ASSERT_EQ(watcher_.Add(one.reader(), 1), 0);
  ASSERT_EQ(watcher_.Add(other.reader(), 2), 0);
  EXPECT_EQ(Turn(), Watches{});
  one.Write();
  EXPECT_EQ(Turn(), Watches{1});
  other.Write();
  EXPECT_EQ(Turn(), (Watches{1, 2}));
  one.Read();
  other.CloseWriter();
  EXPECT_EQ(Turn(), Watches{2});
}

TEST_F(FdWatcherTest, TellsOnceMoreOfWhatIsNotReady) {
  Pipe pipe, other;
  ASSERT_EQ(watcher_.Add(pipe.reader(), 1), 0);
  ASSERT_EQ(watcher_.TellAgain(1), 0);
  EXPECT_EQ(Turn(), Watches{}) << "it is not started";
  Start();
  EXPECT_EQ(TurnForWhat(), (Whats{{1, kAgain}}));
  EXPECT_EQ(Turn(), Watches{});
  listener_.on_ready = [&] { watcher_.TellAgain(1); };
  ASSERT_EQ(watcher_.TellAgain(1), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Turn(), Watches{1}) << "once an iteration";
  listener_.on_ready = nullptr;
  EXPECT_EQ(Turn(), Watches{1});
  ASSERT_EQ(watcher_.Add(other.reader(), 2), 0);
  ASSERT_EQ(watcher_.TellAgain(1), 0);
  ASSERT_EQ(watcher_.TellAgain(2), 0);
  EXPECT_EQ(watcher_.Rebuild({{pipe.reader(), 1}, {other.reader(), 2}}), 0);
  EXPECT_EQ(TurnForWhat(), (Whats{{1, kAgain}, {2, kAgain}})) << "a new set leaves that as it is";
}

TEST_F(FdWatcherTest, TellsAtItsStartWhatCouldBeReadBefore) {
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(watcher_.Add(pipe.reader(), 7), 0);
  EXPECT_EQ(Turn(), Watches{});
  Start();
  EXPECT_EQ(Turn(), Watches{7});
}

TEST_F(FdWatcherTest, TellsTheRightOneOfThoseThatCameAndWent) {
  Start();
  Pipe pipes[3];
  for (WatchId i = 0; i < 3; ++i) ASSERT_EQ(watcher_.Add(pipes[i].reader(), 10 + i), 0);
  watcher_.Remove(pipes[0].reader());
  watcher_.Remove(pipes[2].reader());
  EXPECT_TRUE(watcher_.all_known());
  for (Pipe &pipe : pipes) pipe.Write();
  EXPECT_EQ(Turn(), Watches{11});
  watcher_.Remove(pipes[1].reader());
  EXPECT_EQ(Turn(), Watches{});
  ASSERT_EQ(watcher_.Add(pipes[2].reader(), 13), 0);
  EXPECT_EQ(Turn(), Watches{13});
}

TEST_F(FdWatcherTest, TakesTheNumberOfADescriptorThatWasClosedBefore) {
  Start();
  Pipe first;
  const int number = first.reader();
  ASSERT_EQ(watcher_.Add(number, 1), 0);
  first.CloseReader();
  watcher_.Remove(number);
  EXPECT_FALSE(watcher_.all_known());
  Pipe second;
  ASSERT_EQ(second.reader(), number);
  ASSERT_EQ(watcher_.Add(number, 2), 0);
  second.Write();
  EXPECT_EQ(Turn(), Watches{2});
}

TEST_F(FdWatcherTest, StartsAfreshWithoutWhatAClosedDescriptorsCopyKeepsAlive) {
  Start();
  Pipe closed, open;
  ASSERT_EQ(watcher_.Add(closed.reader(), 1), 0);
  ASSERT_EQ(watcher_.Add(open.reader(), 2), 0);
  const int copy = dup(closed.reader());
  const int number = closed.reader();
  closed.Write();
  closed.CloseReader();
  watcher_.Remove(number);
  EXPECT_FALSE(watcher_.all_known());
#ifdef __linux__
  EXPECT_EQ(Turn(), Watches{1}) << "the kernel still tells of it";
#endif
  open.Write();
  ASSERT_EQ(watcher_.Rebuild({{open.reader(), 2}, {number, 3}}), 0) << "of these one is closed";
  EXPECT_TRUE(watcher_.all_known());
  EXPECT_EQ(Turn(), Watches{2});
  close(copy);
}

TEST_F(FdWatcherTest, RefusesWhatCannotBeWatchedAndGoesOn) {
  Start();
  Pipe pipe;
  ASSERT_EQ(watcher_.Add(pipe.reader(), 1), 0);
#ifdef __linux__
  EXPECT_EQ(watcher_.Add(pipe.reader(), 2), EEXIST);
#endif
  EXPECT_EQ(watcher_.Add(-1, 3), EBADF);
  const int folder = open("/", O_RDONLY);
  EXPECT_EQ(watcher_.Add(folder, 4), EPERM);
  close(folder);
  pipe.Write();
  EXPECT_EQ(Turn(), Watches{1});
}

TEST_F(FdWatcherTest, TellsAllOfMoreThanComeAtOnce) {
  Start();
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (WatchId i = 0; i < 200; ++i) {
    pipes.push_back(std::make_unique<Pipe>());
    pipes.back()->Write();
    ASSERT_EQ(watcher_.Add(pipes.back()->reader(), i), 0);
  }
  loop_.Turn();
  // libuv may call more than once in an iteration, but nobody gets more in one call than others wait for.
  EXPECT_LE(listener_.told.size(), 64u * listener_.calls);
  for (int i = 0; i < 8; ++i) loop_.Turn();
  Watches told = listener_.Take();
  told.erase(std::unique(told.begin(), told.end()), told.end());
  EXPECT_EQ(told.size(), 200u);
}

TEST_F(FdWatcherTest, IsSilentOnceItIsClosedAndCanBeUsedAgain) {
  Start();
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(watcher_.Add(pipe.reader(), 1), 0);
  watcher_.Close();
  watcher_.Close();
  EXPECT_EQ(Turn(), Watches{});
  ASSERT_EQ(watcher_.Add(pipe.reader(), 2), 0);
  EXPECT_EQ(Turn(), Watches{2}) << "without another start";
}

TEST_F(FdWatcherTest, MayBeClosedOrRebuiltByWhomItTells) {
  Start();
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(watcher_.Add(pipe.reader(), 1), 0);
  listener_.on_ready = [&] { EXPECT_EQ(watcher_.Rebuild({{pipe.reader(), 2}}), 0); };
  EXPECT_EQ(Turn(), Watches{1});
  listener_.on_ready = [&] { watcher_.Close(); };
  EXPECT_EQ(Turn(), Watches{2});
  EXPECT_EQ(Turn(), Watches{});
}

struct WriterCase {
  const char *name;
  unsigned interest;
  bool with_another;
};

class FdWatcherWriter : public FdWatcherTest, public testing::WithParamInterface<WriterCase> {};

TEST_P(FdWatcherWriter, IsToldWhatItWaitsFor) {
  const unsigned interest = GetParam().interest;
  Start();
  Pipe other;
  if (GetParam().with_another) {
    ASSERT_EQ(watcher_.Add(other.reader(), 1), 0);
  }
  SocketPair pair;
  ASSERT_EQ(watcher_.Add(pair.one(), 2, interest), 0);
  const auto told = [](unsigned what) { return what == 0 ? Whats{} : Whats{{2, what}}; };
  EXPECT_EQ(TurnForWhat(), told(interest & kWritable));
  pair.Answer();
  EXPECT_EQ(TurnForWhat(), told(interest));
  pair.Fill();
  EXPECT_EQ(TurnForWhat(), told(interest & kReadable));
  pair.Read();
  EXPECT_EQ(TurnForWhat(), Whats{});
  pair.Empty();
  EXPECT_EQ(TurnForWhat(), told(interest & kWritable));
}

INSTANTIATE_TEST_SUITE_P(Interests, FdWatcherWriter,
                         testing::Values(WriterCase{"WritingAlone", kWritable, false},
                                         WriterCase{"WritingBesideAReader", kWritable, true},
                                         WriterCase{"BothAlone", kReadable | kWritable, false},
                                         WriterCase{"BothBesideAReader", kReadable | kWritable, true}),
                         [](const auto &info) { return std::string(info.param.name); });

TEST_F(FdWatcherTest, WaitsForSomethingElseAfterAChange) {
  Start();
  SocketPair pair;
  pair.Answer();
  ASSERT_EQ(watcher_.Add(pair.one(), 1), 0);
  for (const unsigned interest : {kWritable | kReadable, kWritable + 0, kReadable + 0, kWritable + 0}) {
    ASSERT_EQ(watcher_.Change(pair.one(), 1, interest), 0);
    EXPECT_EQ(TurnForWhat(), (Whats{{1, interest}}));
  }
  watcher_.Remove(pair.one());
  EXPECT_TRUE(watcher_.all_known());
  EXPECT_EQ(watcher_.Change(pair.one(), 1, kReadable), ENOENT);
  EXPECT_EQ(TurnForWhat(), Whats{});
}

TEST_F(FdWatcherTest, RefusesAChangeBeforeAnythingWasAdded) {
  Pipe pipe;
  EXPECT_EQ(watcher_.Change(pipe.reader(), 1, kWritable), ENOENT);
}

TEST_F(FdWatcherTest, IsSilentOfAWriterThatIsClosed) {
  Start();
  Pipe reader;
  SocketPair pair;
  ASSERT_EQ(watcher_.Add(reader.reader(), 1), 0);
  const int number = pair.one();
  ASSERT_EQ(watcher_.Add(number, 2, kWritable), 0);
  pair.CloseOne();
  EXPECT_EQ(TurnForWhat(), Whats{});
  EXPECT_NE(watcher_.Change(number, 2, kReadable), 0);
  watcher_.Remove(number);
  EXPECT_FALSE(watcher_.all_known());
  reader.Write();
  EXPECT_EQ(TurnForWhat(), (Whats{{1, kReadable}}));
}

TEST_F(FdWatcherTest, TellsTheEndToWhomWaitsToWrite) {
  Start();
  SocketPair pair;
  pair.Fill();
  ASSERT_EQ(watcher_.Add(pair.one(), 1, kWritable), 0);
  EXPECT_EQ(TurnForWhat(), Whats{});
  pair.CloseOther();
  EXPECT_NE(TurnForWhat()[1] & kWritable, 0u);
}

TEST_F(FdWatcherTest, StartsAfreshWithWhatEachWaitsFor) {
  Start();
  SocketPair pair;
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(watcher_.Rebuild({{pair.one(), 1, kWritable}, {pipe.reader(), 2}}), 0);
  EXPECT_EQ(TurnForWhat(), (Whats{{1, kWritable}, {2, kReadable}}));
}

TEST_F(FdWatcherTest, TellsWhatWentWrongAndGoesOn) {
  Start();
  Pipe pipe;
  pipe.Write();
  ASSERT_EQ(watcher_.Add(pipe.reader(), 1), 0);
  listener_.on_ready = [] { throw std::runtime_error("broken"); };
  EXPECT_EQ(Turn(), Watches{1});
  EXPECT_EQ(listener_.failure, "broken");
  listener_.on_ready = nullptr;
  EXPECT_EQ(Turn(), Watches{1});
}

struct FailureCase {
  const char *name;
  bool &fails;
};

void PrintTo(const FailureCase &failure, std::ostream *stream) { *stream << failure.name; }

class FdWatcherFailure : public FdWatcherTest, public testing::WithParamInterface<FailureCase> {
 protected:
  ~FdWatcherFailure() override { GetParam().fails = false; }
};

TEST_P(FdWatcherFailure, IsToldForEachDescriptorUntilItIsOver) {
  Start();
  Pipe pipe;
  pipe.Write();
  GetParam().fails = true;
  EXPECT_EQ(watcher_.Add(pipe.reader(), 1), EIO);
  EXPECT_EQ(watcher_.Add(pipe.reader(), 2), EIO) << "as long as nothing polls";
  EXPECT_EQ(Turn(), Watches{});
  GetParam().fails = false;
  ASSERT_EQ(watcher_.Add(pipe.reader(), 3), 0);
  EXPECT_EQ(Turn(), Watches{3});
}

TEST_P(FdWatcherFailure, AtTheStartIsMendedByTheNextDescriptor) {
  Pipe before, later;
  before.Write();
  ASSERT_EQ(watcher_.Add(before.reader(), 1), 0);
  GetParam().fails = true;
  EXPECT_LT(watcher_.Start(loop_.get(), count_), 0);
  EXPECT_EQ(watcher_.Add(later.reader(), 2), EIO);
  GetParam().fails = false;
  ASSERT_EQ(watcher_.Add(later.reader(), 3), 0);
  later.Write();
  EXPECT_EQ(Turn(), (Watches{1, 3}));
}

INSTANTIATE_TEST_SUITE_P(Polling, FdWatcherFailure,
                         testing::Values(FailureCase{"OfTheHandle", test::uv_failures.poll_init},
                                         FailureCase{"OfItsStart", test::uv_failures.poll_start}),
                         [](const auto &info) { return std::string(info.param.name); });

TEST_F(FdWatcherTest, LeavesDescriptorsBlocking) {
  Start();
  Pipe pipe;
  ASSERT_EQ(watcher_.Add(pipe.reader(), 1), 0);
  EXPECT_EQ(fcntl(pipe.reader(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace mmpy
