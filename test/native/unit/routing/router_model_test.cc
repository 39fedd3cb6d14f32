// Random maps, answers, slices and new mappings, with every event compared to a model that is too simple to be wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "support/clock.h"
#include "support/desk.h"

namespace mmpy {
namespace {

using test::AdvanceClock;
using test::Layout;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kCases = 500;
#else
constexpr int kCases = 3000;
#endif

uint32_t FirstSeed() {
  const char *seed = std::getenv("MMPY_SEED");
  return seed != nullptr ? static_cast<uint32_t>(std::strtoul(seed, nullptr, 10)) : std::random_device()();
}

struct Waiting {
  ChannelId channel;  // of its instance, so that a new mapping changes nothing
  double value;
};

struct Turn {
  InstanceId instance;
  std::deque<Waiting> events;
};

class Model {
 public:
  void Connect(const Layout &layout) {
    layout_ = layout;
    first_ = layout.FirstChannels();
    // An instance that is gone loses its turn, also if it comes back.
    const auto is_gone = [this](const Turn &turn) { return layout_.channels[turn.instance] == 0; };
    for (Turn &turn : current_) {
      if (is_gone(turn)) turn.events.clear();
    }
    next_.erase(std::remove_if(next_.begin(), next_.end(), is_gone), next_.end());
  }

  void Emit(ChannelId source, double value) {
    for (const auto &[from, to] : layout_.lines) {
      if (from != source) continue;
      InstanceId owner = 0;
      while (to < first_[owner] || to >= first_[owner] + layout_.channels[owner]) ++owner;
      auto turn = std::find_if(next_.begin(), next_.end(), [=](const Turn &other) { return other.instance == owner; });
      if (turn == next_.end()) turn = next_.insert(turn, Turn{owner, {}});
      turn->events.push_back({to - first_[owner], value});
    }
  }

  // The event that comes next, if any.
  std::optional<std::pair<InstanceId, Waiting>> Next() {
    if (empty()) return {};
    Turn &turn = current_.front();
    const Waiting event = turn.events.front();
    turn.events.pop_front();
    return std::make_pair(turn.instance, event);
  }

  bool is_turn_over() const { return current_.empty() || current_.front().events.empty(); }

  bool empty() {
    const auto end_turns = [this] {
      while (!current_.empty() && current_.front().events.empty()) current_.pop_front();
      return current_.empty();
    };
    if (!end_turns()) return false;
    std::swap(current_, next_);
    return end_turns();
  }

 private:
  Layout layout_;
  std::vector<ChannelId> first_;
  std::deque<Turn> current_;
  std::deque<Turn> next_;
};

class Comparison {
 public:
  // A long one goes on for so many slices without rest that loops are looked for.
  explicit Comparison(uint32_t seed) : random_(seed), is_long_(Below(50) == 0) {
    const size_t instances = 1 + Below(6);
    for (size_t i = 0; i < instances; ++i) AddInstance();
    layout_.channels.assign(instances, 0);
    Connect();
    answers_ = Below(2000);
    answers_at_once_ = 1 + Below(4);
    event_ns_ = Below(2) == 0 ? 100 : 100'000;
    if (!is_long_) return;
    answers_ = 6000;
    answers_at_once_ = 1;
    event_ns_ = 100'000;
    while (channels_ < 4 || layout_.lines.size() < channels_) Connect();
    for (int i = 0; i < 500; ++i) Emit();
  }

  void Run() {
    const int steps = is_long_ ? 500 : 30;
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const uint32_t what = Below(20);
      if (is_long_ && (what < 2 ? Below(20) > 0 : what < 18)) {
        Drain(Below(20) * event_ns_);
      } else if (what == 0) {
        if (Below(3) == 0) AddInstance();
        Connect();
      } else if (what == 1 && Below(10) == 0) {
        router_.Clear();
        model_ = Model();
        model_.Connect(layout_);
      } else if (what < 10) {
        for (uint32_t i = Below(8); i > 0; --i) Emit();
      } else {
        Drain(!is_long_ && Below(4) == 0 ? UINT64_MAX : Below(50) * event_ns_);
      }
    }
    Drain(UINT64_MAX);
    EXPECT_TRUE(router_.empty());
    EXPECT_TRUE(model_.empty());
    EXPECT_FALSE(router_.has_losses());
  }

 private:
  class Player final : public Destination {
   public:
    Player(Comparison &comparison, InstanceId id, bool whole, bool defers)
        : comparison_(comparison), id_(id), defers_(defers) {
      takes_whole_batches_ = whole;
    }
    void Deliver(const Event *events, size_t count) override {
      for (size_t i = 0; i < count; ++i) {
        comparison_.Compare(id_, events[i]);
        if (defers_) {
          deferred_ = true;
          last_ = events[i].channel;
        } else {
          comparison_.Answer(events[i].channel);
        }
      }
    }
    void FinishRound() override {
      deferred_ = false;
      EXPECT_TRUE(comparison_.model_.is_turn_over());
      comparison_.Answer(last_);
    }

   private:
    Comparison &comparison_;
    const InstanceId id_;
    const bool defers_;
    ChannelId last_ = 0;
  };

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  void AddInstance() {
    const bool whole = !is_long_ && Below(3) == 0;
    const bool defers = Below(6) == 0;
    players_.push_back(std::make_unique<Player>(*this, static_cast<InstanceId>(players_.size()), whole, defers));
    router_.AddInstance(players_.back().get());
  }

  // Instances keep their channels or get more, or go, or come back.
  void Connect() {
    layout_.channels.resize(players_.size(), 0);
    for (uint32_t &count : layout_.channels) count = Below(6) == 0 ? 0 : count + Below(3);
    layout_.lines.clear();
    uint32_t total = 0;
    for (const uint32_t count : layout_.channels) total += count;
    for (uint32_t i = total == 0 ? 0 : Below(2 * total + 1); i > 0; --i) {
      layout_.lines.emplace_back(Below(total), Below(total));
    }
    channels_ = total;
    effects_.clear();
    first_channels_ = layout_.FirstChannels();
    layout_.Install(router_);
    model_.Connect(layout_);
    EXPECT_EQ(router_.channel_count(), total);
  }

  // One event, or a batch of them.
  void Emit() {
    if (channels_ == 0) return;
    if (Below(3) > 0) {
      EmitOn(Below(channels_));
      return;
    }
    const ChannelId base = Below(channels_);
    std::vector<uint32_t> sources(Below(5));
    std::vector<double> values;
    for (uint32_t &source : sources) {
      source = Below(channels_ - base);
      values.push_back(++value_);
      model_.Emit(base + source, value_);
      NoteEffects(base + source);
    }
    router_.Emit(base, sources.data(), values.data(), sources.size());
  }

  void EmitOn(ChannelId source) {
    router_.Emit(source, ++value_);
    model_.Emit(source, value_);
    NoteEffects(source);
  }

  void NoteEffects(ChannelId source) {
    if (!cause_) return;
    for (const auto &[from, to] : layout_.lines) {
      if (from == source) effects_.insert({*cause_, to});
    }
  }

  void Answer(ChannelId cause) {
    cause_ = cause;
    for (uint32_t i = 0; answers_ > 0 && i < answers_at_once_; ++i) {
      --answers_;
      Emit();
    }
    cause_.reset();
  }

  void Compare(InstanceId instance, const Event &event) {
    AdvanceClock(event_ns_);
    const auto expected = model_.Next();
    ASSERT_TRUE(expected) << "more was delivered than waited";
    const auto &[owner, waiting] = *expected;
    EXPECT_EQ(instance, owner);
    EXPECT_EQ(event.channel, first_channels_[owner] + waiting.channel);
    EXPECT_EQ(event.value, waiting.value);
  }

  void Drain(uint64_t budget) {
    const bool empty = router_.Drain(budget) == Router::Drained::kEmpty;
    EXPECT_EQ(empty, model_.empty());
    if (!router_.loop_found()) return;
    ++loops_found;
    const std::vector<ChannelId> loop = router_.TakeLoop();
    for (size_t i = 0; i < loop.size(); ++i) {
      EXPECT_EQ(effects_.count({loop[i], loop[(i + 1) % loop.size()]}), 1u) << "that is no loop";
    }
  }

  std::mt19937 random_;
  const bool is_long_;
  Router router_;
  Model model_;
  Layout layout_;
  std::vector<std::unique_ptr<Player>> players_;
  std::vector<ChannelId> first_channels_;
  uint32_t channels_ = 0;
  uint32_t answers_ = 0;  // how many are left
  uint32_t answers_at_once_ = 1;
  uint64_t event_ns_ = 0;
  double value_ = 0;
  std::optional<ChannelId> cause_;
  std::set<std::pair<ChannelId, ChannelId>> effects_;  // since the last mapping

 public:
  size_t loops_found = 0;
};

TEST(RouterModel, DeliversTheSameEventsInTheSameOrder) {
  const uint32_t first = FirstSeed();
  std::cout << "random routers: seed " << first << std::endl;
  size_t loops = 0;
  for (uint32_t seed = first; seed != first + kCases && !HasFailure(); ++seed) {
    SCOPED_TRACE("to repeat: npm run test:native -- --seed " + std::to_string(seed));
    Comparison comparison(seed);
    comparison.Run();
    loops += comparison.loops_found;
  }
  EXPECT_GT(loops, 0u) << "no case has gone on for long enough";
}

}  // namespace
}  // namespace mmpy
