// A client of ALSA's sequencer: its ports, their connections, events in both directions. What to connect to, and what
// events mean, is decided in TypeScript.
#ifndef MMPY_SEQUENCER_H
#define MMPY_SEQUENCER_H

#include <uv.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/fd_watcher.h"
#include "io/uv_handle.h"
#include "midi/alsa.h"

namespace mmpy {

// An event as numbers, a row of binding.d.ts' MidiCallbacks.events().
using MidiRow = std::array<int32_t, 8>;
constexpr int32_t kMidiInputLost = -1;  // in place of a type

// A row of sendMidi(): port, destination client and port, type, channel, parameter, value.
constexpr size_t kMidiSendColumns = 7;

struct MidiDevice {
  int client;
  int port;
  unsigned capabilities;
  std::string client_name;
  std::string port_name;
};

// Called on the loop's thread. May call anything of the sequencer.
class SequencerListener {
 public:
  virtual ~SequencerListener() = default;
  virtual void OnMidi(const MidiRow *rows, size_t count) = 0;

  // Nothing will arrive any more; `error` is an errno.
  virtual void OnMidiEnd(int error) = 0;

  // A callback threw.
  virtual void OnMidiFailure(const char *what) = 0;
};

class Sequencer final : public FdListener {
 public:
  explicit Sequencer(SequencerListener &listener) : listener_(listener) {}
  ~Sequencer() override { Close(); }
  Sequencer(const Sequencer &) = delete;
  Sequencer &operator=(const Sequencer &) = delete;

  // Opens a client of this name, again after Close() too.
  struct Opened {
    std::string library;  // what is missing of ALSA's library
    int error = 0;        // otherwise an errno of the sequencer
  };
  Opened Open(const std::string &name, uv_loop_t *loop, const std::shared_ptr<HandleCount> &handles);
  void Close();
  bool is_open() const { return sequencer_ != nullptr; }

  // All return a number that is not negative, or a negative errno.
  int client();
  int AddPort(const std::string &name);
  int RemovePort(int port);
  int Find(const std::string &text);  // client << 8 | port of an address or a device's name
  int Link(int port, AlsaAddress peer, bool to_peer, bool connect);

  // Sends rows, each by itself: an error of one receiver must not keep back what is for others. Writes the negative
  // errno into the place of a row's type where that fails; returns how many have.
  size_t Send(int32_t *rows, size_t count);
  int SendBytes(int port, AlsaAddress destination, const void *bytes, size_t length);

  // False if the library can't tell.
  bool List(std::vector<MidiDevice> *devices);

  void OnReady(const std::vector<ReadyWatch> &ready) override;
  void OnFailure(const char *what) override { listener_.OnMidiFailure(what); }

 private:
  void Announce();
  void Read();
  int Output(AlsaEvent *event);

  SequencerListener &listener_;
  Alsa alsa_;
  AlsaSequencer *sequencer_ = nullptr;
  int fd_ = -1;
  uint64_t opened_ = 0;       // how often; tells a callback that it is closed, or another one by now
  unsigned empty_reads_ = 0;  // in a row
  FdWatcher watcher_{*this};
};

}  // namespace mmpy

#endif
