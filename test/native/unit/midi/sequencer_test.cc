#include "midi/sequencer.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "midi/fake_alsa.h"
#include "support/loop.h"

namespace mmpy {
namespace {

using test::Alsa;
using test::Loop;

AlsaEvent Control(int port, int value) {
  AlsaEvent event = {};
  event.type = kAlsaController;
  event.source = {20, 1};
  event.destination = {128, static_cast<uint8_t>(port)};
  event.data.control = {5, {}, 7, value};
  return event;
}

class Listener final : public SequencerListener {
 public:
  void OnMidi(const MidiRow *rows, size_t count) override {
    received.insert(received.end(), rows, rows + count);
    ++calls;
    if (on_midi) on_midi();
  }
  void OnMidiEnd(int error) override {
    ended = error;
    if (on_end) on_end();
  }
  void OnMidiFailure(const char *what) override { failure = what; }

  std::vector<MidiRow> received;
  int calls = 0;
  int ended = 0;
  std::function<void()> on_midi;
  std::function<void()> on_end;
  std::string failure;
};

class SequencerTest : public testing::Test {
 protected:
  SequencerTest() { test::ResetAlsa(); }
  ~SequencerTest() override {
    sequencer_.Close();
    bool closed = false;
    count_->WhenNone([&] { closed = true; });
    for (int i = 0; i < 3; ++i) loop_.Turn();
    EXPECT_TRUE(closed);
    EXPECT_EQ(Alsa().opened, Alsa().closed);
    EXPECT_EQ(listener_.failure, "");
  }

  int Open() { return sequencer_.Open("name", loop_.get(), count_).error; }

  Loop loop_;
  std::shared_ptr<HandleCount> count_ = std::make_shared<HandleCount>();
  Listener listener_;
  Sequencer sequencer_{listener_};
};

TEST_F(SequencerTest, TellsEventsAsRows) {
  ASSERT_EQ(Open(), 0);
  EXPECT_EQ(Alsa().name, "name");
  Alsa().Arrive(Control(2, 99));
  AlsaEvent gone = {};
  gone.type = kAlsaUnsubscribed;
  gone.data.connection = {{20, 1}, {128, 2}};
  Alsa().Arrive(gone);
  Alsa().ArriveError(ENOSPC);
  loop_.Turn();
  const std::vector<MidiRow> expected = {
      {kAlsaController, 2, 20, 1, 5, 7, 99, 0}, {kAlsaUnsubscribed, 0, 0, 0, 20, 1, 128, 2}, {kMidiInputLost}};
  EXPECT_EQ(listener_.received, expected);
}

TEST_F(SequencerTest, ReadsOnInTheNextTurnWhatIsTooMuchForOne) {
  ASSERT_EQ(Open(), 0);
  for (int i = 0; i < 5000; ++i) Alsa().Arrive(Control(0, i));
  loop_.Turn();
  EXPECT_EQ(listener_.received.size(), 2048u);
  for (int i = 0; i < 4; ++i) loop_.Turn();
  ASSERT_EQ(listener_.received.size(), 5000u);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(listener_.received[i][6], i);
}

TEST_F(SequencerTest, CanBeClosedAndOpenedAgainWhileItTells) {
  ASSERT_EQ(Open(), 0);
  for (int i = 0; i < 200; ++i) Alsa().Arrive(Control(0, i));
  listener_.on_midi = [&] {
    listener_.on_midi = nullptr;
    sequencer_.Close();
    EXPECT_EQ(Open(), 0);
  };
  loop_.Turn();
  loop_.Turn();
  EXPECT_EQ(listener_.calls, 1);  // the others belonged to the one that was closed
  Alsa().Arrive(Control(0, 7));
  loop_.Turn();
  EXPECT_EQ(listener_.received.back()[6], 7);
}

TEST_F(SequencerTest, TellsThatItHasEndedAndCanBeClosedThen) {
  ASSERT_EQ(Open(), 0);
  listener_.on_end = [&] { sequencer_.Close(); };
  Alsa().ArriveError(ENODEV);
  loop_.Turn();
  EXPECT_EQ(listener_.ended, ENODEV);
  EXPECT_EQ(sequencer_.client(), -ENODEV);
}

TEST_F(SequencerTest, SendsTheOthersWhereOneIsRefused) {
  ASSERT_EQ(Open(), 0);
  int32_t rows[] = {3, 254, 253, 6,  1, 60, 127,  // a note
                    3, 254, 253, 10, 1, 7,  1,    // refused
                    3, 20,  1,   13, 1, 0,  -8192};
  Alsa().refusals = {0, -ENOMEM};
  EXPECT_EQ(sequencer_.Send(rows, 3), 1u);
  EXPECT_EQ(rows[3], 6);
  EXPECT_EQ(rows[10], -ENOMEM);
  ASSERT_EQ(Alsa().sent.size(), 2u);
  const AlsaEvent &note = Alsa().sent[0], &pitch = Alsa().sent[1];
  EXPECT_EQ(note.source.port, 3);
  EXPECT_EQ(note.destination.client, 254);
  EXPECT_EQ(note.queue, kAlsaDirect);
  EXPECT_EQ(note.data.note.velocity, 127);
  EXPECT_EQ(pitch.destination.client, 20);
  EXPECT_EQ(pitch.data.control.value, -8192);
}

TEST_F(SequencerTest, SendsBytes) {
  ASSERT_EQ(Open(), 0);
  EXPECT_EQ(sequencer_.SendBytes(0, {20, 1}, "\xf0\x7e\xf7", 3), 0);
  EXPECT_EQ(Alsa().sent_bytes, std::vector<std::string>{"\xf0\x7e\xf7"});
}

TEST_F(SequencerTest, ReturnsWhatTheLibrarySays) {
  ASSERT_EQ(Open(), 0);
  EXPECT_EQ(sequencer_.AddPort("x"), 3);
  EXPECT_EQ(sequencer_.Find("20:1"), 20 << 8 | 1);
  EXPECT_EQ(sequencer_.Find("x"), -ENOENT);
  EXPECT_EQ(sequencer_.Link(0, {20, 0}, true, true), 0);
  EXPECT_EQ(sequencer_.Link(0, {21, 0}, true, true), -EPERM);
  // Optional functions.
  EXPECT_EQ(sequencer_.RemovePort(3), -ENODEV);
  EXPECT_EQ(sequencer_.Link(0, {20, 0}, false, false), -ENOSYS);
  std::vector<MidiDevice> devices;
  EXPECT_FALSE(sequencer_.List(&devices));
}

TEST_F(SequencerTest, DoesNothingWithoutASequencer) {
  Alsa().open_status = -EACCES;
  EXPECT_EQ(Open(), EACCES);
  int32_t row[kMidiSendColumns] = {0, 254, 253, 6, 0, 0, 0};
  EXPECT_EQ(sequencer_.Send(row, 1), 1u);
  EXPECT_EQ(row[3], -ENODEV);
  EXPECT_EQ(sequencer_.SendBytes(0, {20, 1}, "", 0), -ENODEV);
  EXPECT_EQ(sequencer_.AddPort("x"), -ENODEV);
  EXPECT_EQ(sequencer_.Find("20:1"), -ENODEV);
  Alsa().open_status = 0;
  EXPECT_EQ(Open(), 0);
}

}  // namespace
}  // namespace mmpy
