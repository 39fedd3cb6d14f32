// The JavaScript side of a core's sequencer: the MidiCallbacks of binding.d.ts.
#ifndef MMPY_MIDI_BRIDGE_H
#define MMPY_MIDI_BRIDGE_H

#include <napi.h>

#include <initializer_list>
#include <string>

#include "midi/sequencer.h"
#include "routing/core.h"

namespace mmpy {

class MidiBridge final : public SequencerListener {
 public:
  MidiBridge(Napi::Env env, Core &core) : env_(env), core_(core), context_(env, "midimonster.midi") {}

  // Opens the sequencer, which from then on calls these callbacks.
  Sequencer::Opened Open(const std::string &name, Napi::Object callbacks);

  Sequencer &sequencer() { return sequencer_; }

  void OnMidi(const MidiRow *rows, size_t count) override;
  void OnMidiEnd(int error) override;
  void OnMidiFailure(const char *what) override { core_.Failed(what); }

 private:
  void Call(const Napi::FunctionReference &function, std::initializer_list<napi_value> arguments);

  const Napi::Env env_;
  Core &core_;
  Napi::AsyncContext context_;
  Napi::FunctionReference events_;
  Napi::FunctionReference ended_;
  Sequencer sequencer_{*this};
};

}  // namespace mmpy

#endif
