// What stands in for ALSA's library in the tests: this program exports its functions, as a library that is preloaded
// would. Only those without which there is no MIDI, and one that is optional.
#ifndef MMPY_TEST_FAKE_ALSA_H
#define MMPY_TEST_FAKE_ALSA_H

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "midi/alsa.h"

namespace mmpy::test {

struct FakeAlsa {
  int open_status = 0;       // what snd_seq_open() returns
  int opened = 0;            // how often it has succeeded,
  int closed = 0;            // and snd_seq_close() was called
  std::deque<int> refusals;  // what snd_seq_drain_output() returns for the next events; otherwise 0
  std::vector<AlsaEvent> sent;
  std::vector<std::string> sent_bytes;
  std::string name;

  // Has an event arrive, or snd_seq_event_input() return this errno, negative.
  void Arrive(const AlsaEvent &event);
  void ArriveError(int error);
};

FakeAlsa &Alsa();

// As if the library was just loaded. To be called before each test.
void ResetAlsa();

}  // namespace mmpy::test

#endif
