// The table of last values that pages read.
#include "routing/live_table.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "support/desk.h"

namespace mmpy {
namespace {

using test::Batches;
using test::Desk;
using test::Layout;

// "channel=value(events,moved) ..."
std::string Changes(LiveTable &table, size_t room = SIZE_MAX) {
  std::ostringstream text;
  size_t taken = 0;
  table.TakeChanges([&](ChannelId channel, const LiveTable::Row &row) {
    if (taken++ == room) return false;
    text << channel << "=" << row.value << "(" << row.count << "," << row.moved << ") ";
    return true;
  });
  return text.str();
}

TEST(LiveTable, TellsWhatHasChangedSinceItWasReadLast) {
  LiveTable table;
  table.Open(200);
  table.Note(3, 0.5);
  table.Note(130, 1);
  table.Note(3, 0.25);
  EXPECT_EQ(Changes(table), "3=0.25(2,0.75) 130=1(1,1) ");
  EXPECT_EQ(Changes(table), "");
  table.Note(3, 0.25);
  EXPECT_EQ(Changes(table), "3=0.25(3,0) ");
}

TEST(LiveTable, KeepsWhatHasNoRoomForTheNextTime) {
  LiveTable table;
  table.Open(200);
  for (const ChannelId channel : {1, 2, 64, 199}) table.Note(channel, 1);
  EXPECT_EQ(Changes(table, 2), "1=1(1,1) 2=1(1,1) ");
  EXPECT_EQ(Changes(table), "64=1(1,1) 199=1(1,1) ");
}

TEST(LiveTable, BeginsEmptyEachTime) {
  LiveTable table;
  table.Open(2);
  table.Note(1, 1);
  table.Close();
  EXPECT_FALSE(table.is_open());
  table.Open(2);
  EXPECT_EQ(Changes(table), "");
}

TEST(LiveTable, GivesAllThatIsKnownOfChannelsWithOtherNumbers) {
  LiveTable table;
  table.Open(3);
  table.Note(0, 0.1);
  table.Note(1, 0.2);
  table.Note(2, 0.3);
  Changes(table);
  const ChannelId gone = UINT32_MAX;
  const ChannelId numbers[] = {70, gone, 1};
  table.Install(table.Prepare(71, [&](ChannelId old) { return numbers[old]; }));
  EXPECT_EQ(Changes(table), "1=0.3(1,0) 70=0.1(1,0) ");
}

TEST(LiveTable, KeepsEveryEventOfAWatchedChannelWithinLimits) {
  LiveTable table;
  table.Open(3);
  table.Watch({1, 99});
  constexpr int kEvents = 40;
  for (int i = 1; i <= kEvents; ++i) {
    table.Note(1, i);
    table.Note(2, i);
  }
  std::vector<double> values;
  const auto take = [&](const LiveTable::Sample &sample) { values.push_back(sample.value); };
  table.TakeSamples(take);
  EXPECT_EQ(values, (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, kEvents}));
  table.TakeSamples(take);
  EXPECT_EQ(values.size(), LiveTable::kMaxSamples);
}

// Channel 0 of the first instance is mapped to channel 1 of the second.
TEST(LiveTable, NotesWhatIsDelivered) {
  const Layout layout{{1, 1}, {{0, 1}}};
  Desk desk(layout.channels.size(), Batches::kWhole);
  layout.Install(desk.router);
  LiveTable table;
  table.Open(2);
  desk.router.NoteIn(&table);
  desk.router.Emit(0, 0.5);
  EXPECT_EQ(desk.router.QueuedFor(1), 1U);
  desk.router.Drain(UINT64_MAX);
  EXPECT_EQ(desk.router.QueuedFor(1), 0U);
  EXPECT_EQ(Changes(table), "1=0.5(1,0.5) ");
  desk.router.NoteIn(nullptr);
  desk.router.Emit(0, 1);
  desk.router.Drain(UINT64_MAX);
  EXPECT_EQ(Changes(table), "");
}

}  // namespace
}  // namespace mmpy
