// A core on a libuv loop of its own, with instances outside whose handling is the test's.
#include "routing/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "routing/javascript.h"
#include "routing/loopback.h"
#include "support/loop.h"
#include "support/memory.h"

namespace mmpy {
namespace {

using test::Loop;
using test::MemoryLimit;

class Listener final : public CoreListener {
 public:
  void Deliver(InstanceId instance, const uint32_t *channels, const double *values, size_t count) override {
    std::ostringstream text;
    text << (told.empty() ? "" : " | ") << instance << ":";
    for (size_t i = 0; i < count && writes_down; ++i) text << " " << channels[i] << "=" << values[i];
    if (writes_down) told += text.str();
    on_deliver(instance, count);
  }
  void Tapped(const uint32_t *channels, const double *, size_t count) override {
    tapped += count;
    tapped_channels.insert(tapped_channels.end(), channels, channels + (writes_down ? count : 0));
    on_tapped();
  }
  void Tell(News news) override {
    for (const Report &report : news.reports) {
      if (report.kind == Report::Kind::kEventsLost) lost += static_cast<size_t>(report.value.value_or(0));
    }
    if (!news.loop.empty()) ++loops;
  }
  void Failed(const char *what) override { failed = what; }

  std::function<void(InstanceId, size_t)> on_deliver = [](InstanceId, size_t) {};
  std::function<void()> on_tapped = [] {};
  bool writes_down = true;
  std::string told;
  std::string failed;
  size_t tapped = 0;
  std::vector<ChannelId> tapped_channels;
  size_t lost = 0;
  size_t loops = 0;
};

// Does with events what a test likes, as they are delivered.
class Inside final : public Destination {
 public:
  explicit Inside(std::function<void(const Event &)> on_event) : on_event_(std::move(on_event)) {}
  void Deliver(const Event *events, size_t count) override {
    for (size_t i = 0; i < count; ++i) on_event_(events[i]);
  }

 private:
  const std::function<void(const Event &)> on_event_;
};

class CoreTest : public testing::Test {
 protected:
  ~CoreTest() override {
    bool stopped = false;
    core_.Stop([&](bool) { stopped = true; });
    loop_.Turn();
    loop_.Turn();
    EXPECT_TRUE(stopped);
  }

  void AddOutside() { core_.Add(std::make_unique<Javascript>(core_, static_cast<InstanceId>(core_.instance_count()))); }

  // Two channels for each instance; those of the first lead to the same ones of each instance in `to`.
  void Connect(const std::vector<InstanceId> &to, size_t gone = SIZE_MAX) {
    std::vector<uint32_t> first;
    uint32_t next = 0;
    for (size_t id = 0; id < core_.instance_count(); ++id) {
      first.push_back(next);
      next += id == gone ? 0 : 2;
    }
    std::vector<uint32_t> offsets{0};
    std::vector<ChannelId> targets;
    for (uint32_t channel = 0; channel < next; ++channel) {
      for (const InstanceId id : to) {
        if (channel < 2) targets.push_back(first[id] + channel);
      }
      offsets.push_back(static_cast<uint32_t>(targets.size()));
    }
    core_.Connect(first, std::move(offsets), targets);
  }

  void Emit(InstanceId instance, uint32_t channel, double value) {
    core_.EmitFromOutside(&instance, &channel, &value, 1);
  }

  // What it has been told, also once the slice of time was used up in between, which a busy machine can bring about.
  std::string Told() {
    for (int i = 0; i < 3; ++i) loop_.Turn();
    return std::exchange(listener_.told, {});
  }

  // Whether the loop calls back for the core's sake alone.
  bool IsBusy() { return uv_backend_timeout(loop_.get()) == 0; }

  Loop loop_{Loop::Waits::kYes};
  Listener listener_;
  Core core_{loop_.get(), listener_};
};

TEST_F(CoreTest, TellsEachInstanceOutsideItsEventsAtOnce) {
  for (int i = 0; i < 3; ++i) AddOutside();
  Connect({1, 2});
  core_.Run();
  const InstanceId instances[] = {0, 0, 0};
  const uint32_t channels[] = {0, 1, 0};
  const double values[] = {1, 2, 3};
  core_.EmitFromOutside(instances, channels, values, 3);
  EXPECT_EQ(Told(), "1: 0=1 1=2 0=3 | 2: 0=1 1=2 0=3");
}

// Also where it is mapped to others, and from a callback, between what was emitted before it and after it.
TEST_F(CoreTest, GivesAChannelItselfWhatIsSentToIt) {
  for (int i = 0; i < 3; ++i) AddOutside();
  Connect({1});
  core_.Run();
  const auto send = [this] {
    const InstanceId instances[] = {0, 1 | Core::kToItself, 0 | Core::kToItself, 0, 7 | Core::kToItself};
    const uint32_t channels[] = {0, 0, 1, 1, 0};
    const double values[] = {1, 2, 3, 4, 5};
    core_.EmitFromOutside(instances, channels, values, 5);
  };
  send();
  EXPECT_EQ(Told(), "1: 0=1 0=2 1=4 | 0: 1=3");
  bool sent = false;
  listener_.on_deliver = [&](InstanceId instance, size_t) {
    if (instance != 2 || std::exchange(sent, true)) return;
    send();
  };
  Emit(2 | Core::kToItself, 0, 6);
  EXPECT_EQ(Told(), "2: 0=6 | 1: 0=1 0=2 1=4 | 0: 1=3");
}

// A mapping or an instance that comes while events are delivered would move them.
TEST_F(CoreTest, RefusesToBeChangedWhileItDelivers) {
  const struct {
    const char *name;
    std::function<void()> change;
  } cases[] = {{"Connect", [this] { Connect({1}); }},
               {"Add", [this] { core_.Add(std::make_unique<Loopback>(core_)); }}};
  std::function<void()> change;
  std::string refusals;
  AddOutside();
  core_.Add(std::make_unique<Inside>([&](const Event &) {
    try {
      change();
    } catch (const std::logic_error &error) {
      refusals += error.what();
    }
  }));
  AddOutside();
  Connect({1, 2});
  core_.Run();
  for (const auto &[name, changes] : cases) {
    change = changes;
    refusals.clear();
    Emit(0, 0, 1);
    EXPECT_NE(refusals.find("can't be changed from within itself"), std::string::npos) << name;
    EXPECT_EQ(Told(), "2: 0=1") << name << ": and goes on";
    EXPECT_EQ(core_.instance_count(), 3u);
  }
}

TEST_F(CoreTest, MayBeChangedByWhomItTells) {
  for (int i = 0; i < 4; ++i) AddOutside();
  Connect({1, 2, 3});
  core_.Run();
  listener_.on_deliver = [&](InstanceId id, size_t) {
    if (id != 1 || core_.instance_count() > 4) return;
    for (int i = 0; i < 1000; ++i) AddOutside();
    Emit(0, 1, 2);
    Connect({3});
    Emit(0, 1, 3);
  };
  Emit(0, 0, 1);
  for (int i = 0; i < 3; ++i) loop_.Turn();  // its slice of time may be over
  EXPECT_EQ(Told(), "1: 0=1 | 2: 0=1 | 3: 0=1 | 1: 1=2 | 2: 1=2 | 3: 1=2 1=3")
      << "what was emitted before the change takes the old way";
}

TEST_F(CoreTest, TellsNothingToAnInstanceThatIsGone) {
  for (int i = 0; i < 4; ++i) AddOutside();
  Connect({1, 2, 3});
  core_.Run();
  listener_.on_deliver = [&](InstanceId id, size_t) {
    if (id != 1) return;
    Connect({1, 3}, 2);
    core_.Retire({2});
  };
  Emit(0, 0, 1);
  EXPECT_EQ(Told(), "1: 0=1 | 3: 0=1");
  listener_.on_deliver = [](InstanceId, size_t) {};
  Emit(0, 0, 2);
  EXPECT_EQ(Told(), "1: 0=2 | 3: 0=2");
}

TEST_F(CoreTest, TellsNothingToInstancesOnceItIsStopped) {
  for (int i = 0; i < 3; ++i) AddOutside();
  Connect({1, 2});
  core_.Run();
  bool stopped = false;
  listener_.on_deliver = [&](InstanceId, size_t) { core_.Stop([&](bool) { stopped = true; }); };
  Emit(0, 0, 1);
  EXPECT_EQ(Told(), "1: 0=1");
  loop_.Turn();
  EXPECT_TRUE(stopped);
}

TEST_F(CoreTest, TellsWhatWasOnItsWayWhenItWasHeldButNothingElse) {
  for (int i = 0; i < 3; ++i) AddOutside();
  Connect({1, 2});
  core_.Run();
  listener_.on_deliver = [&](InstanceId id, size_t) {
    if (id != 1) return;
    Emit(0, 1, 2);
    core_.Hold(true);
  };
  Emit(0, 0, 1);
  EXPECT_EQ(Told(), "1: 0=1 | 2: 0=1");
  for (int i = 0; i < 3; ++i) loop_.Turn();
  EXPECT_EQ(Told(), "");
  listener_.on_deliver = [](InstanceId, size_t) {};
  Emit(0, 1, 3);
  EXPECT_EQ(Told(), "");
  {
    const Core::Entry entry(core_);
    core_.Hold(false);
  }
  EXPECT_EQ(Told(), "1: 1=2 1=3 | 2: 1=2 1=3") << "in the order in which they were emitted";
}

// Their names are exchanged later than the numbers, but before the core goes on.
TEST_F(CoreTest, ShowsATapNothingWhileHeldAndThenAllUnderTheNewNumbers) {
  for (int i = 0; i < 3; ++i) AddOutside();
  Connect({});
  core_.Run();
  core_.Tap(true);
  Emit(1, 1, 1);
  EXPECT_EQ(std::exchange(listener_.tapped_channels, {}), std::vector<ChannelId>{3});
  core_.Hold(true);
  Emit(0, 1, 1);
  Emit(2, 1, 1);
  Connect({}, 0);
  Emit(2, 0, 1);
  EXPECT_EQ(listener_.tapped_channels, std::vector<ChannelId>{});
  {
    const Core::Entry entry(core_);
    core_.Hold(false);
  }
  EXPECT_EQ(listener_.tapped_channels, (std::vector<ChannelId>{3, 2})) << "those of the one that is gone have none";
}

TEST_F(CoreTest, TellsAllOnceIfOneFails) {
  for (int i = 0; i < 4; ++i) AddOutside();
  Connect({1, 2, 3});
  core_.Run();
  listener_.on_deliver = [](InstanceId id, size_t) {
    if (id == 2) throw std::runtime_error("broken");
  };
  Emit(0, 0, 1);
  Emit(0, 0, 2);
  EXPECT_EQ(Told(), "1: 0=1 | 2: 0=1 | 3: 0=1 | 1: 0=2 | 2: 0=2 | 3: 0=2");
  EXPECT_EQ(listener_.failed, "broken");
}

TEST_F(CoreTest, TellsOfEventsOnTheirWayThatAreLostAndGetsBackToItsFeet) {
  AddOutside();
  AddOutside();
  Connect({1});
  core_.Run();
  {
    const MemoryLimit limit(64 * sizeof(double));  // the least that a row of values takes, and more than all else does
    for (int i = 0; i < 10; ++i) Emit(0, 0, i);
  }
  EXPECT_EQ(Told(), "");
  EXPECT_EQ(listener_.lost, 10u);
  Emit(0, 0, 1);
  EXPECT_EQ(Told(), "1: 0=1");
}

// An idle handle that goes on with nothing takes a processor for itself.
TEST_F(CoreTest, RestsAfterWhatTookLongAndLedNowhere) {
  AddOutside();
  AddOutside();
  Connect({});
  core_.Run();
  core_.Tap(true);
  for (size_t emissions = 1; emissions < 8; ++emissions) {
    listener_.tapped = 0;
    listener_.on_tapped = [&] {
      const uint64_t until = uv_hrtime() + 2'000'000;  // longer than a slice
      while (uv_hrtime() < until) continue;
      if (listener_.tapped < emissions) Emit(1, 0, 1);
    };
    Emit(1, 0, 1);
    for (size_t i = 0; i < emissions + 3; ++i) loop_.Turn();
    EXPECT_EQ(listener_.tapped, emissions);
    EXPECT_FALSE(IsBusy()) << "after " << emissions;
  }
}

// One that takes its time and answers at once keeps neither sockets nor signals waiting.
TEST_F(CoreTest, LetsTheLoopTurnBetweenSlowAnswers) {
  AddOutside();
  AddOutside();
  Connect({1});
  core_.Run();
  listener_.writes_down = false;
  size_t quick = 0;  // first, so that the clock is read seldom
  listener_.on_deliver = [&](InstanceId, size_t) {
    if (++quick < 20'000) Emit(0, 0, 1);
  };
  Emit(0, 0, 1);
  while (quick < 20'000) loop_.Turn();
  size_t answers = 0;
  listener_.on_deliver = [&](InstanceId, size_t) {
    const uint64_t until = uv_hrtime() + 2'000'000;
    while (uv_hrtime() < until) continue;
    if (++answers < 30) Emit(0, 0, 1);
  };
  Emit(0, 0, 1);
  size_t at_once = answers;
  while (answers < 30) {
    const size_t before = answers;
    loop_.Turn();
    at_once = std::max(at_once, answers - before);
  }
  EXPECT_LE(at_once, 12u);
}

struct LoopCase {
  const char *name;
  bool enters;  // each time it is told
};

class CoreLoop : public CoreTest, public testing::WithParamInterface<LoopCase> {};

TEST_P(CoreLoop, ThroughTwoInstancesOutsideIsFoundOnce) {
  for (int i = 0; i < 2; ++i) AddOutside();
  core_.Connect({0, 1}, {0, 1, 2}, {1, 0});
  core_.Run();
  listener_.writes_down = false;
  listener_.on_deliver = [&](InstanceId id, size_t count) {
    if (GetParam().enters) const Core::Entry entry(core_);
    for (size_t i = 0; i < count; ++i) Emit(id, 0, 1);
  };
  Emit(0, 0, 1);
  for (int turn = 0; turn < 3000 && listener_.loops == 0; ++turn) loop_.Turn();
  EXPECT_EQ(listener_.loops, 1u);
  for (int turn = 0; turn < 100; ++turn) loop_.Turn();
  EXPECT_EQ(listener_.loops, 1u);
}

INSTANTIATE_TEST_SUITE_P(Outside, CoreLoop,
                         testing::Values(LoopCase{"ThatEmit", false}, LoopCase{"ThatEnterTheCoreToo", true}),
                         [](const auto &info) { return std::string(info.param.name); });

// Bursts that end are no loop, whatever they have in common.
TEST_F(CoreTest, SeesNoLoopInManyBurstsThatGoBackAndForthOnce) {
  for (int i = 0; i < 2; ++i) AddOutside();
  core_.Connect({0, 1}, {0, 1, 2}, {1, 0});
  core_.Run();
  listener_.writes_down = false;
  size_t told = 0;
  listener_.on_deliver = [&](InstanceId id, size_t) {
    ++told;
    if (id == 1) Emit(1, 0, 1);
  };
  for (int burst = 0; burst < 3000; ++burst) {
    Emit(0, 0, 1);
    loop_.Turn();
  }
  EXPECT_EQ(listener_.loops, 0u);
  EXPECT_EQ(told, 6000u);
}

}  // namespace
}  // namespace mmpy
