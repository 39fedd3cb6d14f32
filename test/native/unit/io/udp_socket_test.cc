#include "io/udp_socket.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/loop.h"
#include "support/uv_failures.h"

namespace mmpy {
namespace {

using test::Loop;
using test::uv_failures;

class Listener final : public UdpListener {
 public:
  void OnDatagrams(size_t count) override {
    ++calls;
    if (on_datagrams) on_datagrams(count);
  }
  void OnReceiveError(int error) override { errors.push_back(error); }
  void OnUnsent(int error, size_t count) override { unsent.emplace_back(error, count); }
  void OnUdpFailure(const char *what) override { failure = what; }

  int calls = 0;
  std::function<void(size_t)> on_datagrams;
  std::vector<int> errors;
  std::vector<std::pair<int, size_t>> unsent;
  std::string failure;
};

class UdpSocketTest : public testing::Test {
 protected:
  ~UdpSocketTest() override {
    uv_failures = {};
    socket_.Close();
    peer_.Close();
    bool closed = false;
    handles_->WhenNone([&] { closed = true; });
    RunUntil([&] { return closed; });
  }

  template <typename Condition>
  void RunUntil(Condition &&holds) {
    int turns = 0;
    while (!holds() && ++turns < 100'000) loop_.Turn();
    EXPECT_TRUE(holds()) << "this never came";
  }

  int Open(UdpSocket &socket, const char *host = "127.0.0.1") {
    UdpAddress address;
    EXPECT_EQ(address.Parse(host, 0), 0);
    return socket.Open(loop_.get(), handles_, address);
  }

  // Sends texts from the peer to the socket.
  void Send(const std::vector<std::string> &texts) {
    const UdpAddress to = UdpAddress::OfIPv4(AF_INET, INADDR_LOOPBACK, static_cast<uint16_t>(socket_.port()));
    for (const std::string &text : texts) ASSERT_EQ(peer_.Send(to, text.data(), text.size()), 0);
  }

  // What is received from now on.
  void Collect() {
    listener_.on_datagrams = [this](size_t count) {
      for (size_t i = 0; i < count; ++i) {
        const auto *const bytes = reinterpret_cast<const char *>(memory_.data() + i * Datagrams::kStride);
        received_.emplace_back(bytes, rows_[i].length);
      }
    };
  }

  void WaitFor(size_t count) {
    RunUntil([&] { return received_.size() >= count; });
  }

  Loop loop_;
  std::shared_ptr<HandleCount> handles_ = std::make_shared<HandleCount>();
  std::vector<uint8_t> memory_ = std::vector<uint8_t>(Datagrams::kMemory);
  std::vector<DatagramRow> rows_ = std::vector<DatagramRow>(Datagrams::kPlaces);
  Datagrams datagrams_{memory_.data(), rows_.data()};
  Listener listener_;
  Listener peers_;
  UdpSocket socket_{listener_, datagrams_};
  UdpSocket peer_{peers_, datagrams_};
  std::vector<std::string> received_;
};

TEST_F(UdpSocketTest, GetsAllThatHasComeInTheirOrderWithFewCalls) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  Collect();
  std::vector<std::string> texts;
  for (int i = 0; i < 70; ++i) texts.push_back(std::string(static_cast<size_t>(i), 'x') + std::to_string(i));
  Send(texts);
  WaitFor(70);
  EXPECT_EQ(received_, texts);
  EXPECT_EQ(listener_.calls, 10);  // 1, 1, 1, 1, 2, 4, 8, 16, 32, 4
  received_.clear();
  Send(texts);
  WaitFor(70);
  EXPECT_EQ(received_, texts);
  EXPECT_EQ(listener_.calls, 10 + 5);  // 4, 8, 16, 32, 10
  EXPECT_EQ(rows_[0].family, 4U);
  EXPECT_EQ(rows_[0].address[0], INADDR_LOOPBACK);
  EXPECT_EQ(rows_[0].port, static_cast<uint32_t>(peer_.port()));
  EXPECT_EQ(datagrams_.sender(0).Text(), "127.0.0.1");
}

TEST_F(UdpSocketTest, TakesTheLongestAndTheEmptyDatagram) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  Collect();
  Send({std::string(65507, 'a'), "", "b"});
  WaitFor(3);
  EXPECT_EQ(received_, (std::vector<std::string>{std::string(65507, 'a'), "", "b"}));
  const UdpAddress to = UdpAddress::OfIPv4(AF_INET, INADDR_LOOPBACK, static_cast<uint16_t>(socket_.port()));
  const std::string long_text(65508, 'a');
  EXPECT_EQ(peer_.Send(to, long_text.data(), long_text.size()), -EMSGSIZE);
}

TEST_F(UdpSocketTest, MayBeClosedAndOpenedAgainByItsListener) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  listener_.on_datagrams = [this](size_t) {
    socket_.Close();
    ASSERT_EQ(Open(socket_), 0);
    Collect();
  };
  Send({"first"});
  RunUntil([&] { return listener_.calls == 1; });
  Send({"second"});
  WaitFor(1);
  EXPECT_EQ(received_, std::vector<std::string>{"second"});
}

TEST_F(UdpSocketTest, OfBothFamiliesKnowsPeersOfIPv4ByTheirAddress) {
  if (Open(socket_, "::") != 0) GTEST_SKIP() << "this machine has no IPv6";
  ASSERT_EQ(Open(peer_), 0);
  Collect();
  Send({"x"});
  WaitFor(1);
  EXPECT_EQ(rows_[0].family, 4U);
  EXPECT_EQ(datagrams_.sender(0).Text(), "127.0.0.1");
  const UdpAddress back = UdpAddress::OfIPv4(socket_.family(), rows_[0].address[0], rows_[0].port & 0xffff);
  EXPECT_EQ(socket_.Send(back, "y", 1), 0);
  RunUntil([&] { return peers_.calls == 1; });
}

TEST_F(UdpSocketTest, KnowsInterfacesOfIPv6ByName) {
  if (Open(socket_, "::") != 0) GTEST_SKIP() << "this machine has no IPv6";
  char name[IF_NAMESIZE] = {};
  ASSERT_NE(if_indextoname(1, name), nullptr);
  const char *const group = "ff18::8300:1";
  EXPECT_EQ(socket_.SetMembership(group, name, true), 0);
  EXPECT_EQ(socket_.SetMembership(group, name, true), -EADDRINUSE);
  EXPECT_EQ(socket_.SetMembership(group, "no-such", false), -ENODEV);
  EXPECT_EQ(socket_.SetMembership(group, name, false), 0);
  EXPECT_EQ(socket_.SetMulticastInterface("no-such"), -ENODEV);
  EXPECT_EQ(socket_.SetMulticastInterface(name), 0);
  EXPECT_EQ(socket_.SetMulticastAll(false), 0);
}

TEST_F(UdpSocketTest, KeepsWhatTheSystemHasNoRoomForAndSendsItInOrder) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  Collect();
  uv_failures.sendto_error = EAGAIN;
  Send({"a", "b"});
  uv_failures.sendto_error = 0;
  Send({"c"});
  EXPECT_TRUE(received_.empty());
  WaitFor(3);
  EXPECT_EQ(received_, (std::vector<std::string>{"a", "b", "c"}));
  Send({"d"});
  WaitFor(4);
}

TEST_F(UdpSocketTest, RefusesWhatIsTooMuchToKeep) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  uv_failures.sendto_error = EAGAIN;
  const UdpAddress to = UdpAddress::OfIPv4(AF_INET, INADDR_LOOPBACK, static_cast<uint16_t>(socket_.port()));
  const std::string text(60000, 'x');
  int kept = 0;
  while (peer_.Send(to, text.data(), text.size()) == 0) ++kept;
  EXPECT_EQ(kept, (1 << 20) / 60000);
  EXPECT_EQ(peer_.Send(to, text.data(), text.size()), -EAGAIN);
}

TEST_F(UdpSocketTest, TellsHowManyThatHadToWaitAreLostAndGoesOn) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  Collect();
  uv_failures.sendto_error = EAGAIN;
  Send({"a", "b"});
  uv_failures.sendto_error = ENETUNREACH;
  RunUntil([&] { return !peers_.unsent.empty(); });
  EXPECT_EQ(peers_.unsent, (std::vector<std::pair<int, size_t>>{{ENETUNREACH, 2}}));
  uv_failures.sendto_error = 0;
  Send({"c"});
  WaitFor(1);
  EXPECT_EQ(received_, std::vector<std::string>{"c"});
}

TEST_F(UdpSocketTest, ThatCanNotBeWatchedIsNotOpen) {
  uv_failures.poll_start = true;
  EXPECT_EQ(Open(socket_), UV_ENOMEM);
  EXPECT_FALSE(socket_.is_open());
  uv_failures.poll_start = false;
  EXPECT_EQ(Open(socket_), 0);
}

TEST_F(UdpSocketTest, TellsOfAnExceptionOfItsListener) {
  ASSERT_EQ(Open(socket_), 0);
  ASSERT_EQ(Open(peer_), 0);
  listener_.on_datagrams = [](size_t) { throw std::bad_alloc(); };
  Send({"x"});
  RunUntil([&] { return !listener_.failure.empty(); });
  EXPECT_EQ(listener_.failure, "out of memory");
}

}  // namespace
}  // namespace mmpy
