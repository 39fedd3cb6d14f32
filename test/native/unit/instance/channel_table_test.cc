#include "instance/channel_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mmpy {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t kNone = ChannelTable::kNone;

TEST(ChannelTable, FindsNothingWhileItIsEmpty) {
  const ChannelTable table;
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.Find("a"), kNone);
  EXPECT_EQ(table.Find(""), kNone);
}

TEST(ChannelTable, NumbersNamesInOrderAndEachOnce) {
  ChannelTable table;
  EXPECT_EQ(table.Add("out"), 0u);
  EXPECT_EQ(table.Add("in"), 1u);
  EXPECT_EQ(table.Add("out"), 0u);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.name(0), "out");
  EXPECT_EQ(table.name(1), "in");
  EXPECT_EQ(table.Find("in"), 1u);
}

TEST(ChannelTable, TellsSimilarNamesApart) {
  const std::vector<std::string_view> names = {
      ""sv,     "a"sv,  "a\0"sv,       "\0"sv,           "\0a"sv,        "a\0b"sv, "a\0c"sv,
      "A"sv,    "aa"sv, "a "sv,        " a"sv,           "a.b"sv,        "a..b"sv, "ab"sv,
      "\xff"sv, "ä"sv,  "a\xCC\x88"sv, "\xED\xA0\x80"sv, "\U0001F3B9"sv, "a\nb"sv};
  ChannelTable table;
  for (uint32_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(table.Find(names[i]), kNone) << i;
    EXPECT_EQ(table.Add(names[i]), i);
  }
  for (uint32_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(table.Find(names[i]), i);
    EXPECT_EQ(table.name(i), names[i]);
  }
  EXPECT_EQ(table.Find("a\0d"sv), kNone);
}

TEST(ChannelTable, FindsEveryOneOfManyNamesAtAnySize) {
  ChannelTable table;
  const auto name = [](uint32_t i) { return "fixture" + std::to_string(i / 16) + ".channel" + std::to_string(i % 16); };
  constexpr uint32_t kNames = 100'000;
  for (uint32_t i = 0; i < kNames; ++i) {
    ASSERT_EQ(table.Add(name(i)), i);
    ASSERT_EQ(table.Find(name(i / 2)), i / 2) << "of " << i;
  }
  for (uint32_t i = 0; i < kNames; ++i) {
    ASSERT_EQ(table.Find(name(i)), i);
    ASSERT_EQ(table.name(i), name(i));
  }
  for (uint32_t i = kNames; i < kNames + 1000; ++i) ASSERT_EQ(table.Find(name(i)), kNone);
}

TEST(ChannelTable, TakesLongNames) {
  ChannelTable table;
  const std::string one(1'000'000, 'x');
  const std::string other = one + "y";
  EXPECT_EQ(table.Add(one), 0u);
  EXPECT_EQ(table.Add(other), 1u);
  EXPECT_EQ(table.Find(one), 0u);
  EXPECT_EQ(table.name(1), other);
}

// Its own names move in memory when it grows.
TEST(ChannelTable, MayBeAskedForItsOwnNames) {
  ChannelTable table;
  for (int i = 0; i < 1000; ++i) {
    table.Add("channel" + std::to_string(i));
    EXPECT_EQ(table.Add(table.name(i / 2)), static_cast<uint32_t>(i) / 2);
  }
  EXPECT_EQ(table.size(), 1000u);
}

}  // namespace
}  // namespace mmpy
