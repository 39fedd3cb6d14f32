#include "routing/timetable.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "support/memory.h"

namespace mmpy {
namespace {

using Mode = Timetable::Mode;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kStart = 5'000 * kMs;

// The timers that are due by then, as "instance.timer" in order.
std::string Due(Timetable &table, uint64_t now) {
  std::string due;
  while (const auto call = table.Take(now)) {
    due += (due.empty() ? "" : " ") + std::to_string(call->instance) + "." + std::to_string(call->timer);
  }
  return due;
}

TEST(Timetable, HasCallsDueOnceAndPeriodically) {
  Timetable table;
  EXPECT_EQ(table.next_ns(), Timetable::kNever);
  table.Set({0, 1}, 2.5, Mode::kPeriodic, kStart);
  table.Set({0, 2}, 4, Mode::kOnce, kStart);
  EXPECT_EQ(table.next_ns(), kStart + 2'500'000);
  EXPECT_EQ(Due(table, kStart + 2'499'999), "");
  EXPECT_EQ(Due(table, kStart + 2'500'000), "0.1");
  EXPECT_EQ(Due(table, kStart + 5 * kMs), "0.2 0.1");
  EXPECT_EQ(Due(table, kStart + 10 * kMs), "0.1");
  EXPECT_EQ(table.next_ns(), kStart + 12'500'000);
  table.Cancel({0, 1});
  table.Cancel({0, 1});
  EXPECT_EQ(table.next_ns(), Timetable::kNever);
}

TEST(Timetable, KeepsThePhaseAndSkipsWhatWasMissed) {
  Timetable table;
  table.Set({0, 0}, 20, Mode::kPeriodic, kStart);
  EXPECT_EQ(Due(table, kStart + 95 * kMs), "0.0");
  EXPECT_EQ(table.next_ns(), kStart + 100 * kMs);
}

// A beat at 120 BPM is 24 pulses, whose period is no whole number of nanoseconds.
TEST(Timetable, DoesNotDriftOverADay) {
  Timetable table;
  const double period_ms = 60'000.0 / 120 / 24;
  table.Set({0, 0}, period_ms, Mode::kPeriodic, kStart);
  const uint64_t pulses = 24ull * 120 * 60 * 24;
  for (uint64_t pulse = 1; pulse <= pulses; ++pulse) ASSERT_TRUE(table.Take(table.next_ns()));
  const double day_ns = static_cast<double>(pulses + 1) * period_ms * 1e6;
  EXPECT_NEAR(static_cast<double>(table.next_ns() - kStart), day_ns, 100);
}

TEST(Timetable, TakesThoseThatAreDueTogetherInTheOrderInWhichTheyWereFirstSet) {
  Timetable table;
  table.Set({1, 0}, 10, Mode::kPeriodic, kStart);
  table.Set({0, 7}, 5, Mode::kPeriodic, kStart);
  table.Set({0, 3}, 10, Mode::kOnce, kStart);
  EXPECT_EQ(Due(table, kStart + 5 * kMs), "0.7");
  EXPECT_EQ(Due(table, kStart + 10 * kMs), "1.0 0.7 0.3");
}

TEST(Timetable, CountsAPeriodThatIsChangedFromTheLastCall) {
  Timetable table;
  table.Set({0, 0}, 10, Mode::kPeriodic, kStart);
  EXPECT_EQ(Due(table, kStart + 20 * kMs), "0.0");
  table.Set({0, 0}, 10, Mode::kPeriodic, kStart + 27 * kMs);  // the same: no change
  EXPECT_EQ(table.next_ns(), kStart + 30 * kMs);
  table.Set({0, 0}, 25, Mode::kPeriodic, kStart + 27 * kMs);
  EXPECT_EQ(table.next_ns(), kStart + 45 * kMs);
  table.Set({0, 0}, 2, Mode::kPeriodic, kStart + 27 * kMs);
  EXPECT_EQ(table.next_ns(), kStart + 28 * kMs);
}

TEST(Timetable, CountsACallThatIsDueOnceFromTheLastTimeThatItWasSet) {
  Timetable table;
  table.Set({0, 0}, 10, Mode::kOnce, kStart);
  table.Set({0, 0}, 10, Mode::kOnce, kStart + 6 * kMs);
  EXPECT_EQ(Due(table, kStart + 15 * kMs), "");
  EXPECT_EQ(Due(table, kStart + 16 * kMs), "0.0");
  EXPECT_EQ(table.next_ns(), Timetable::kNever);
}

TEST(Timetable, StartsAllTogether) {
  Timetable table;
  table.Set({0, 0}, 10, Mode::kPeriodic, kStart);
  table.Set({0, 1}, 10, Mode::kOnce, kStart + 3 * kMs);
  table.Start(kStart + 100 * kMs);
  EXPECT_EQ(table.next_ns(), kStart + 110 * kMs);
  EXPECT_EQ(Due(table, kStart + 110 * kMs), "0.0 0.1");
}

TEST(Timetable, KnowsNoDifferenceBetweenTimesOfManyYears) {
  Timetable table;
  for (const double ms : {1e12, 1e15}) {
    table.Set({0, 0}, ms, Mode::kPeriodic, kStart);
    EXPECT_EQ(table.next_ns(), kStart + 1'000'000'000'000'000'000);
    EXPECT_EQ(Due(table, kStart + 2'500'000'000'000'000'000), "0.0");
    EXPECT_EQ(table.next_ns(), kStart + 3'000'000'000'000'000'000);
    table.Cancel({0, 0});
  }
}

TEST(Timetable, WithoutMemoryIsAsBefore) {
  Timetable table;
  table.Set({0, 0}, 10, Mode::kPeriodic, kStart);
  bool failed = false;
  {
    const test::MemoryLimit limit(1);
    try {
      table.Set({0, 1}, 1, Mode::kOnce, kStart);
    } catch (const std::bad_alloc &) {
      failed = true;
    }
    table.Start(kStart);
    table.Set({0, 0}, 20, Mode::kPeriodic, kStart);  // needs none, as the rest
  }
  EXPECT_TRUE(failed);
  EXPECT_EQ(Due(table, kStart + 19 * kMs), "");
  EXPECT_EQ(Due(table, kStart + 20 * kMs), "0.0");
}

// Beside a list of timers that is searched from end to end.
TEST(Timetable, AgreesWithAModel) {
  struct Known {
    uint32_t timer;
    Mode mode;
    uint64_t period;
    uint64_t next;
  };
  std::mt19937 random(20261126);
  for (int round = 0; round < 200; ++round) {
    Timetable table;
    std::vector<Known> known;
    uint64_t now = kStart;
    for (int step = 0; step < 200; ++step) {
      now += random() % 7 * kMs;
      const uint32_t timer = random() % 12;
      const auto place = [&] {
        for (auto each = known.begin(); each != known.end(); ++each) {
          if (each->timer == timer) return each;
        }
        return known.end();
      }();
      if (random() % 3 == 0) {
        table.Cancel({0, timer});
        if (place != known.end()) known.erase(place);
      } else if (place == known.end()) {
        const Mode mode = random() % 2 == 0 ? Mode::kOnce : Mode::kPeriodic;
        const uint64_t ms = 1 + random() % 20;
        table.Set({0, timer}, static_cast<double>(ms), mode, now);
        known.push_back({timer, mode, ms * kMs, now + ms * kMs});
      }
      for (;;) {
        auto first = known.end();
        for (auto each = known.begin(); each != known.end(); ++each) {
          if (each->next <= now && (first == known.end() || each->next < first->next)) first = each;
        }
        const auto call = table.Take(now);
        ASSERT_EQ(call.has_value(), first != known.end());
        if (!call) break;
        ASSERT_EQ(call->timer, first->timer);
        if (first->mode == Mode::kOnce) {
          known.erase(first);
        } else {
          while (first->next <= now) first->next += first->period;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mmpy
