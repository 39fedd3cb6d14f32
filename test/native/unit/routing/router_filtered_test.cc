// Rows with filters among others: many sources in one call, and one by one.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "routing/router.h"
#include "support/desk.h"

namespace mmpy {
namespace {

using test::Batches;
using test::Desk;

// Three instances with four channels each. Channel 0 to 3 lead to others by rows with and without filters.
struct Table {
  std::vector<uint32_t> offsets{0};
  std::vector<Target> targets;
  FilterTable filters;
};

constexpr uint32_t kSources = 4;
constexpr uint32_t kChannels = 12;

Table RandomTable(std::mt19937 &random) {
  Table table;
  // invert; within(0.3, 0.7); dedup; rate; invert and dedup
  table.filters.keys = {"invert", "within", "dedup", "rate", "both"};
  table.filters.args = {0.3, 0.7, 1e9};
  const std::vector<FilterTable::RawStep> steps = {{0, 0, 0, 0},  {9, 0, 2, 0}, {13, 0, 0, 0},
                                                   {15, 2, 1, 0}, {0, 0, 0, 0}, {13, 0, 0, 0}};
  std::vector<FilterTable::RawPair> pairs;
  for (uint32_t source = 0; source < kChannels; ++source) {
    const uint32_t rows = source < kSources ? random() % 5 : 0;
    for (uint32_t row = 0; row < rows; ++row) {
      const ChannelId target = kSources + random() % (kChannels - kSources);
      if (random() % 2 == 0) {
        table.targets.push_back({target, target / 4});
      } else {
        table.targets.push_back({static_cast<ChannelId>(pairs.size()), Router::kWithFilters});
        pairs.push_back({source, target, static_cast<uint32_t>(random() % 5), 0});
      }
    }
    table.offsets.push_back(static_cast<uint32_t>(table.targets.size()));
  }
  std::vector<uint32_t> owner;
  for (uint32_t channel = 0; channel < kChannels; ++channel) owner.push_back(channel / 4);
  EXPECT_TRUE(table.filters.Fill(pairs, {0, 1, 2, 3, 4, 6}, steps, owner));
  return table;
}

TEST(RouterFiltered, IsTheSameForManySourcesInOneCall) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::string results[2];
    std::vector<uint64_t> drops[2];
    for (const bool at_once : {false, true}) {
      std::mt19937 random(seed);
      Table table = RandomTable(random);
      Desk desk(3, Batches::kWhole);
      desk.router.Connect({0, 4, 8}, std::move(table.offsets), std::move(table.targets), std::move(table.filters));
      std::vector<uint32_t> sources;
      std::vector<double> values;
      for (unsigned count = random() % 200; count > 0; --count) {
        sources.push_back(random() % kSources);
        values.push_back(static_cast<double>(random() % 5) / 4);
      }
      if (at_once) {
        desk.router.Emit(0, sources.data(), values.data(), sources.size());
      } else {
        for (size_t i = 0; i < sources.size(); ++i) desk.router.Emit(sources[i], values[i]);
      }
      desk.router.Drain(Desk::kForever);
      results[at_once] = desk.Take();
      drops[at_once].assign(desk.router.filter_drops(), desk.router.filter_drops() + kFilterOps);
    }
    ASSERT_EQ(results[0], results[1]) << "seed " << seed;
    ASSERT_EQ(drops[0], drops[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mmpy
