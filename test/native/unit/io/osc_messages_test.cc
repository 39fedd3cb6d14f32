#include "io/osc_messages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace mmpy {
namespace {

// Two messages, `/a ,f` and `/b ,`, the latter a trigger; channels 0 and 2.
struct Tables {
  std::vector<uint8_t> bytes = {'/', 'a', 0, 0, ',', 'f', 0, 0, 0, 0, 0, 0, '/', 'b', 0, 0, ',', 0, 0, 0};
  std::vector<uint32_t> ends = {12, 20};
  std::vector<double> rows = {0, 8, 'f', 0, 1, 1, 0, 0, 0, 0};
  std::vector<uint32_t> sources = {0, UINT32_MAX, 1};
  std::vector<double> last = {std::nan(""), std::nan("")};

  OscMessages::Tables spans() {
    return {{bytes.data(), bytes.size()},
            {ends.data(), ends.size()},
            {rows.data(), rows.size()},
            {sources.data(), sources.size()},
            {last.data(), last.size()}};
  }
};

std::vector<std::string> Sent(OscMessages &messages, const std::vector<uint32_t> &channels,
                              const std::vector<double> &values) {
  std::vector<std::string> sent;
  messages.Take(channels.data(), values.data(), channels.size(), [&](const uint8_t *data, size_t size) {
    sent.emplace_back(reinterpret_cast<const char *>(data), size);
  });
  return sent;
}

TEST(OscMessages, AreSentOnceForABatchInTheOrderOfTheFirstChange) {
  Tables tables;
  OscMessages messages(tables.spans());
  ASSERT_TRUE(messages.IsSound());
  const std::string go("/b\0\0,\0\0\0", 8);
  EXPECT_EQ(Sent(messages, {2, 0, 2, 0}, {1, 0.25, 0.75, 0.5}),
            (std::vector<std::string>{go, std::string("/a\0\0,f\0\0\x3f\0\0\0", 12)}));
  EXPECT_EQ(Sent(messages, {2, 0}, {0.5, 0.5}), std::vector<std::string>());
  EXPECT_EQ(tables.last[0], 0.5);
  EXPECT_EQ(Sent(messages, {2}, {0.51}), std::vector<std::string>{go});
}

TEST(OscMessages, LeaveChannelsAloneThatTheyDoNotKnow) {
  Tables tables;
  OscMessages messages(tables.spans());
  EXPECT_EQ(Sent(messages, {1, 3, UINT32_MAX}, {1, 1, 1}), std::vector<std::string>());
}

TEST(OscMessages, AreRefusedIfATableLeadsOutOfAnother) {
  const auto is_sound = [](auto &&change) {
    Tables tables;
    change(tables);
    return OscMessages(tables.spans()).IsSound();
  };
  EXPECT_TRUE(is_sound([](Tables &) {}));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.ends[1] = 21; }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.ends[0] = 24; }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.rows[0] = 2; }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.rows[0] = std::nan(""); }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.rows[1] = 17; }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.rows[1] = -1; }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.rows.pop_back(); }));
  EXPECT_FALSE(is_sound([](Tables &tables) { tables.last.pop_back(); }));
}

}  // namespace
}  // namespace mmpy
