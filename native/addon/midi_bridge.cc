#include "addon/midi_bridge.h"

#include <algorithm>

namespace mmpy {

Sequencer::Opened MidiBridge::Open(const std::string &name, Napi::Object callbacks) {
  const Sequencer::Opened opened = sequencer_.Open(name, core_.loop(), core_.handles());
  if (!sequencer_.is_open()) return opened;
  events_ = Napi::Persistent(callbacks.Get("events").As<Napi::Function>());
  ended_ = Napi::Persistent(callbacks.Get("ended").As<Napi::Function>());
  return opened;
}

// From a callback of libuv. TypeScript catches what its callbacks throw.
void MidiBridge::Call(const Napi::FunctionReference &function, std::initializer_list<napi_value> arguments) {
  napi_value result = nullptr;
  const napi_value callee = function.Value();
  const napi_status status =
      napi_make_callback(env_, context_, callee, callee, arguments.size(), arguments.begin(), &result);
  if (status != napi_pending_exception) return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
}

void MidiBridge::OnMidi(const MidiRow *rows, size_t count) {
  if (events_.IsEmpty()) return;
  const Napi::HandleScope scope(env_);
  constexpr size_t kColumns = std::tuple_size_v<MidiRow>;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  void *memory = nullptr;
  if (napi_create_arraybuffer(env_, count * sizeof(MidiRow), &memory, &buffer) != napi_ok ||
      napi_create_typedarray(env_, napi_int32_array, count * kColumns, buffer, 0, &array) != napi_ok) {
    return core_.Failed("MIDI events are lost: out of memory");
  }
  std::copy_n(rows, count, static_cast<MidiRow *>(memory));
  Call(events_, {array, Napi::Number::New(env_, static_cast<double>(count))});
}

void MidiBridge::OnMidiEnd(int error) {
  if (ended_.IsEmpty()) return;
  const Napi::HandleScope scope(env_);
  Call(ended_, {Napi::Number::New(env_, error)});
}

}  // namespace mmpy
