// A core's client of ALSA's sequencer.
#include <vector>

#include "addon/arguments.h"
#include "addon/midi_bridge.h"

namespace mmpy {

namespace {

Sequencer &SequencerOf(const Arguments &arguments) { return arguments.bridge().midi().sequencer(); }

Napi::Value Number(const Arguments &arguments, int number) { return Napi::Number::New(arguments.env(), number); }

AlsaAddress Address(const Arguments &arguments, size_t i) {
  return {static_cast<uint8_t>(arguments.number(i)), static_cast<uint8_t>(arguments.number(i + 1))};
}

Napi::Value OpenMidi(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  const Sequencer::Opened opened = arguments.bridge().midi().Open(arguments.text(1), arguments.object(2));
  if (opened.library.empty() && opened.error == 0) return env.Null();
  auto failure = Napi::Object::New(env);
  if (!opened.library.empty()) failure.Set("library", opened.library);
  failure.Set("error", opened.error);
  return failure;
}

Napi::Value CloseMidi(const Arguments &arguments) {
  SequencerOf(arguments).Close();
  return arguments.env().Undefined();
}

Napi::Value MidiClient(const Arguments &arguments) { return Number(arguments, SequencerOf(arguments).client()); }

Napi::Value AddMidiPort(const Arguments &arguments) {
  return Number(arguments, SequencerOf(arguments).AddPort(arguments.text(1)));
}

Napi::Value RemoveMidiPort(const Arguments &arguments) {
  return Number(arguments, SequencerOf(arguments).RemovePort(static_cast<int>(arguments.number(1))));
}

Napi::Value FindMidi(const Arguments &arguments) {
  return Number(arguments, SequencerOf(arguments).Find(arguments.text(1)));
}

Napi::Value LinkMidi(const Arguments &arguments) {
  const int port = static_cast<int>(arguments.number(1));
  return Number(arguments,
                SequencerOf(arguments).Link(port, Address(arguments, 2), arguments.flag(4), arguments.flag(5)));
}

Napi::Value ListMidi(const Arguments &arguments) {
  const Napi::Env env = arguments.env();
  std::vector<MidiDevice> devices;
  if (!SequencerOf(arguments).List(&devices)) return env.Null();
  auto array = Napi::Array::New(env, devices.size());
  for (uint32_t i = 0; i < devices.size(); ++i) {
    auto object = Napi::Object::New(env);
    object.Set("client", devices[i].client);
    object.Set("port", devices[i].port);
    object.Set("capabilities", devices[i].capabilities);
    object.Set("clientName", devices[i].client_name);
    object.Set("portName", devices[i].port_name);
    array.Set(i, object);
  }
  return array;
}

Napi::Value SendMidi(const Arguments &arguments) {
  const auto rows = arguments.view<int32_t>(1);
  const size_t count = arguments.number(2);
  if (count > rows.size / kMidiSendColumns) throw Unexpected("as many rows as there are");
  return Number(arguments, static_cast<int>(SequencerOf(arguments).Send(const_cast<int32_t *>(rows.data), count)));
}

Napi::Value SendMidiBytes(const Arguments &arguments) {
  const auto bytes = arguments.view<uint8_t>(4);
  const int port = static_cast<int>(arguments.number(1));
  return Number(arguments, SequencerOf(arguments).SendBytes(port, Address(arguments, 2), bytes.data, bytes.size));
}

}  // namespace

void ExportMidi(Napi::Object exports) {
  Export<OpenMidi>(exports, "openMidi");
  Export<CloseMidi>(exports, "closeMidi");
  Export<MidiClient>(exports, "midiClient");
  Export<AddMidiPort>(exports, "addMidiPort");
  Export<RemoveMidiPort>(exports, "removeMidiPort");
  Export<FindMidi>(exports, "findMidi");
  Export<LinkMidi>(exports, "linkMidi");
  Export<ListMidi>(exports, "listMidi");
  Export<SendMidi>(exports, "sendMidi");
  Export<SendMidiBytes>(exports, "sendMidiBytes");
}

}  // namespace mmpy
