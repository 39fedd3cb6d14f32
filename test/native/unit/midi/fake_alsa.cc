#include "midi/fake_alsa.h"

#include <errno.h>
#include <unistd.h>

#include <cstring>
#include <optional>

namespace mmpy::test {

namespace {

struct Arrival {
  int status;
  AlsaEvent event;
};

FakeAlsa state;
std::deque<Arrival> arrivals;
Arrival current;
std::optional<AlsaEvent> waiting;  // to be drained
int ends[2] = {-1, -1};            // a pipe that can be read while there is an arrival

void Ring() {
  if (write(ends[1], "x", 1) != 1) throw std::bad_alloc();
}

}  // namespace

FakeAlsa &Alsa() { return state; }

void ResetAlsa() {
  state = FakeAlsa();
  arrivals.clear();
  waiting.reset();
}

void FakeAlsa::Arrive(const AlsaEvent &event) {
  arrivals.push_back({1, event});
  Ring();
}

void FakeAlsa::ArriveError(int error) {
  arrivals.push_back({-error, {}});
  Ring();
}

}  // namespace mmpy::test

using mmpy::AlsaAddress;
using mmpy::AlsaEvent;
using mmpy::AlsaSequencer;
using namespace mmpy::test;

extern "C" {

int snd_seq_open(AlsaSequencer **sequencer, const char *, int streams, int) {
  if (state.open_status != 0) return state.open_status;
  if (streams != mmpy::kAlsaDuplex || pipe(ends) != 0) return -EINVAL;
  ++state.opened;
  *sequencer = reinterpret_cast<AlsaSequencer *>(&state);
  return 0;
}

int snd_seq_close(AlsaSequencer *) {
  ++state.closed;
  close(ends[0]);
  close(ends[1]);
  arrivals.clear();
  return 0;
}

int snd_seq_nonblock(AlsaSequencer *, int) { return 0; }
int snd_seq_client_id(AlsaSequencer *) { return 128; }

int snd_seq_set_client_name(AlsaSequencer *, const char *name) {
  state.name = name;
  return 0;
}

int snd_seq_create_simple_port(AlsaSequencer *, const char *, unsigned, unsigned) { return 3; }

int snd_seq_parse_address(AlsaSequencer *, AlsaAddress *address, const char *text) {
  *address = {20, 1};
  return std::strcmp(text, "20:1") == 0 ? 0 : -ENOENT;
}

int snd_seq_connect_from(AlsaSequencer *, int, int client, int) { return client == 20 ? 0 : -EINVAL; }
int snd_seq_connect_to(AlsaSequencer *, int, int client, int) { return client == 20 ? 0 : -EPERM; }
int snd_seq_poll_descriptors_count(AlsaSequencer *, short) { return 1; }

int snd_seq_poll_descriptors(AlsaSequencer *, struct pollfd *descriptors, unsigned, short events) {
  descriptors[0] = {ends[0], events, 0};
  return 1;
}

int snd_seq_event_input(AlsaSequencer *, AlsaEvent **event) {
  *event = nullptr;
  if (arrivals.empty()) return -EAGAIN;
  char byte;
  if (read(ends[0], &byte, 1) != 1) return -EIO;
  current = arrivals.front();
  arrivals.pop_front();
  if (current.status > 0) *event = &current.event;
  return current.status;
}

int snd_seq_event_output(AlsaSequencer *, AlsaEvent *event) {
  if (waiting) return -EAGAIN;
  waiting = *event;
  return 28;
}

int snd_seq_drain_output(AlsaSequencer *) {
  if (!waiting) return 0;
  const int refusal = state.refusals.empty() ? 0 : state.refusals.front();
  if (!state.refusals.empty()) state.refusals.pop_front();
  if (refusal != 0) return refusal;
  state.sent.push_back(*waiting);
  if (waiting->flags == mmpy::kAlsaVariableLength) {
    const mmpy::AlsaBytes bytes = waiting->data.bytes;
    state.sent_bytes.emplace_back(static_cast<const char *>(bytes.bytes), bytes.length);
  }
  waiting.reset();
  return 0;
}

int snd_seq_drop_output_buffer(AlsaSequencer *) {
  waiting.reset();
  return 0;
}

}  // extern "C"
