// Whether midi/alsa.h is right: ALSA's own headers say so when this is compiled, if they are there, and its library
// when this is run. Prints which of both are missing.
#include <dlfcn.h>
#include <errno.h>

#include <cstdio>
#include <type_traits>

#include "midi/alsa.h"

#if __has_include(<alsa/asoundlib.h>)
#include <alsa/asoundlib.h>

using namespace mmpy;

// ALSA's types, replaced by ours.
template <typename T>
struct Ours {
  using Type = T;
};
template <typename T>
struct Ours<T *> {
  using Type = typename Ours<T>::Type *;
};
template <typename T>
struct Ours<const T> {
  using Type = const typename Ours<T>::Type;
};
template <>
struct Ours<snd_seq_t> {
  using Type = AlsaSequencer;
};
template <>
struct Ours<snd_seq_event_t> {
  using Type = AlsaEvent;
};
template <>
struct Ours<snd_seq_addr_t> {
  using Type = AlsaAddress;
};
template <>
struct Ours<snd_seq_client_info_t> {
  using Type = AlsaClientInfo;
};
template <>
struct Ours<snd_seq_port_info_t> {
  using Type = AlsaPortInfo;
};
template <typename Result, typename... Parameters>
struct Ours<Result(Parameters...)> {
  using Type = typename Ours<Result>::Type(typename Ours<Parameters>::Type...);
};

#define ALSA_FUNCTION(result, name, parameters) \
  static_assert(std::is_same_v<Ours<decltype(&::name)>::Type, decltype(Alsa::name)>, "type of " #name);
#define ALSA_OPTIONAL ALSA_FUNCTION
#include "midi/alsa_functions.inc"

#define SAME_PLACE(ours, theirs)                                                                                      \
  static_assert(                                                                                                      \
      offsetof(AlsaEvent, ours) == offsetof(snd_seq_event_t, theirs) &&                                               \
          sizeof(static_cast<AlsaEvent *>(nullptr)->ours) == sizeof(static_cast<snd_seq_event_t *>(nullptr)->theirs), \
      "place and size of " #theirs)
static_assert(sizeof(AlsaEvent) == sizeof(snd_seq_event_t));
SAME_PLACE(type, type);
SAME_PLACE(flags, flags);
SAME_PLACE(queue, queue);
SAME_PLACE(source.client, source.client);
SAME_PLACE(source.port, source.port);
SAME_PLACE(destination, dest);
SAME_PLACE(data.note.channel, data.note.channel);
SAME_PLACE(data.note.note, data.note.note);
SAME_PLACE(data.note.velocity, data.note.velocity);
SAME_PLACE(data.control.channel, data.control.channel);
SAME_PLACE(data.control.param, data.control.param);
SAME_PLACE(data.control.value, data.control.value);
SAME_PLACE(data.address, data.addr);
SAME_PLACE(data.connection.sender, data.connect.sender);
SAME_PLACE(data.connection.destination, data.connect.dest);
SAME_PLACE(data.bytes.length, data.ext.len);
SAME_PLACE(data.bytes.bytes, data.ext.ptr);

static_assert(kAlsaNote == SND_SEQ_EVENT_NOTE && kAlsaKeyPressure == SND_SEQ_EVENT_KEYPRESS);
static_assert(kAlsaController == SND_SEQ_EVENT_CONTROLLER && kAlsaRegisteredParameter == SND_SEQ_EVENT_REGPARAM);
static_assert(kAlsaClientStart == SND_SEQ_EVENT_CLIENT_START && kAlsaPortChange == SND_SEQ_EVENT_PORT_CHANGE);
static_assert(kAlsaSubscribed == SND_SEQ_EVENT_PORT_SUBSCRIBED);
static_assert(kAlsaUnsubscribed == SND_SEQ_EVENT_PORT_UNSUBSCRIBED);
static_assert(kAlsaSystemExclusive == SND_SEQ_EVENT_SYSEX && kAlsaVariableLength == SND_SEQ_EVENT_LENGTH_VARIABLE);
static_assert(kAlsaDirect == SND_SEQ_QUEUE_DIRECT && kAlsaDuplex == SND_SEQ_OPEN_DUPLEX);
static_assert(kAlsaRead == SND_SEQ_PORT_CAP_READ && kAlsaSubscribeRead == SND_SEQ_PORT_CAP_SUBS_READ);
static_assert(kAlsaWrite == SND_SEQ_PORT_CAP_WRITE && kAlsaSubscribeWrite == SND_SEQ_PORT_CAP_SUBS_WRITE);
static_assert(kAlsaNoExport == SND_SEQ_PORT_CAP_NO_EXPORT);
static_assert(kAlsaGenericMidi == SND_SEQ_PORT_TYPE_MIDI_GENERIC && kAlsaApplication == SND_SEQ_PORT_TYPE_APPLICATION);
static_assert(kAlsaSystemClient == SND_SEQ_CLIENT_SYSTEM && kAlsaAnnouncePort == SND_SEQ_PORT_SYSTEM_ANNOUNCE);
constexpr bool kHeaders = true;
#else
constexpr bool kHeaders = false;
#endif

namespace {

int Wrong(const char *what) {
  std::printf("wrong: %s\n", what);
  return 1;
}

}  // namespace

int main() {
  if (!kHeaders) std::puts("no headers");
  mmpy::Alsa alsa;
  if (!alsa.Load().empty()) {
    std::puts("no library");
    return 0;
  }
  void *const library = dlopen("libasound.so.2", RTLD_NOW);
  const auto length = reinterpret_cast<ssize_t (*)(mmpy::AlsaEvent *)>(dlsym(library, "snd_seq_event_length"));
  mmpy::AlsaEvent event = {};
  if (length == nullptr || length(&event) != sizeof event) return Wrong("the length of an event");
  event.flags = mmpy::kAlsaVariableLength;
  event.data.bytes.length = 5;
  if (length(&event) != sizeof event + 5) return Wrong("the place of bytes beside an event");
  mmpy::AlsaAddress address = {};
  if (alsa.snd_seq_parse_address(nullptr, &address, "20:3") != 0 || address.client != 20 || address.port != 3) {
    return Wrong("an address");
  }
  if (!alsa.lists_devices() || !alsa.can_announce()) return Wrong("the list of functions");
  mmpy::AlsaPortInfo *port = nullptr;
  if (alsa.snd_seq_port_info_malloc(&port) != 0) return Wrong("memory of a port");
  alsa.snd_seq_port_info_set_port(port, 7);
  alsa.snd_seq_port_info_set_name(port, "x");
  alsa.snd_seq_port_info_set_capability(port, 0x82);
  if (alsa.snd_seq_port_info_get_port(port) != 7 || alsa.snd_seq_port_info_get_name(port)[0] != 'x' ||
      alsa.snd_seq_port_info_get_capability(port) != 0x82) {
    return Wrong("a port");
  }
  alsa.snd_seq_port_info_free(port);
  alsa.snd_lib_error_set_local([](const char *, int, const char *, int, const char *, va_list) {});
  mmpy::AlsaSequencer *sequencer = nullptr;
  const int status = alsa.snd_seq_open(&sequencer, "default", mmpy::kAlsaDuplex, 0);
  if (status == 0) {
    if (alsa.snd_seq_client_id(sequencer) < 128) return Wrong("the number of a client");
    alsa.snd_seq_close(sequencer);
  } else if (status != -ENOENT && status != -EACCES) {
    return Wrong("opening the sequencer");
  }
  return 0;
}
