// ALSA's library, loaded when a sequencer is opened: neither the build nor the start of the addon needs it. Its types
// are declared here as its documentation describes them; they are those of the kernel's interface and do not change.
#ifndef MMPY_ALSA_H
#define MMPY_ALSA_H

#include <poll.h>

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>

namespace mmpy {

struct AlsaSequencer;
struct AlsaClientInfo;
struct AlsaPortInfo;

using AlsaErrorHandler = void (*)(const char *file, int line, const char *function, int error, const char *format,
                                  va_list arguments);

struct AlsaAddress {
  uint8_t client;
  uint8_t port;
};

struct AlsaNote {
  uint8_t channel;
  uint8_t note;
  uint8_t velocity;
  uint8_t off_velocity;
  uint32_t duration;
};

struct AlsaControl {
  uint8_t channel;
  uint8_t unused[3];
  uint32_t param;
  int32_t value;
};

struct AlsaConnection {
  AlsaAddress sender;
  AlsaAddress destination;
};

// Bytes beside the event.
struct AlsaBytes {
  uint32_t length;
  const void *bytes;
} __attribute__((packed));

struct AlsaEvent {
  uint8_t type;
  uint8_t flags;
  uint8_t tag;
  uint8_t queue;
  uint32_t time[2];
  AlsaAddress source;
  AlsaAddress destination;
  union {
    AlsaNote note;
    AlsaControl control;
    AlsaAddress address;
    AlsaConnection connection;
    AlsaBytes bytes;
  } data;
};
static_assert(sizeof(AlsaEvent) == 28 && offsetof(AlsaEvent, source) == 12 && offsetof(AlsaEvent, data) == 16,
              "the layout of snd_seq_event_t");

// Types of events.
constexpr uint8_t kAlsaNote = 5;
constexpr uint8_t kAlsaKeyPressure = 8;
constexpr uint8_t kAlsaController = 10;
constexpr uint8_t kAlsaRegisteredParameter = 16;
constexpr uint8_t kAlsaClientStart = 60;
constexpr uint8_t kAlsaPortChange = 65;
constexpr uint8_t kAlsaSubscribed = 66;
constexpr uint8_t kAlsaUnsubscribed = 67;
constexpr uint8_t kAlsaSystemExclusive = 130;

constexpr uint8_t kAlsaVariableLength = 1 << 2;  // of flags: the data is AlsaBytes
constexpr uint8_t kAlsaDirect = 253;             // of queue: delivered at once
constexpr int kAlsaDuplex = 3;                   // of snd_seq_open()

constexpr unsigned kAlsaRead = 1 << 0;
constexpr unsigned kAlsaWrite = 1 << 1;
constexpr unsigned kAlsaSubscribeRead = 1 << 5;
constexpr unsigned kAlsaSubscribeWrite = 1 << 6;
constexpr unsigned kAlsaNoExport = 1 << 7;
constexpr unsigned kAlsaGenericMidi = 1 << 1;
constexpr unsigned kAlsaApplication = 1 << 20;

// The system's port that announces what comes and goes.
constexpr int kAlsaSystemClient = 0;
constexpr int kAlsaAnnouncePort = 1;

// The functions of the library, NULL for optional ones that it does not have.
struct Alsa {
#define ALSA_FUNCTION(result, name, parameters) result(*name) parameters = nullptr;
#define ALSA_OPTIONAL ALSA_FUNCTION
#include "midi/alsa_functions.inc"
#undef ALSA_FUNCTION
#undef ALSA_OPTIONAL

  // Loads the library, unless it is loaded. Returns what is missing, or an empty text.
  std::string Load();

  bool lists_devices() const;
  bool can_announce() const;

 private:
  bool loaded_ = false;
};

}  // namespace mmpy

#endif
