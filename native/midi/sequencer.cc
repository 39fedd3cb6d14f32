#include "midi/sequencer.h"

#include <errno.h>

#include <algorithm>
#include <utility>

namespace mmpy {

namespace {

// The number of the port for announcements: above those that instances get, which count from 0.
constexpr int kListeningPort = 200;

constexpr size_t kBatch = 64;              // events that are told at once,
constexpr size_t kBatchesPerTurn = 32;     // and how often in one iteration of the loop
constexpr unsigned kMaxEmptyReads = 1000;  // ready without an event so often: it would be so forever

// How many events may wait to be read, instead of 200. Together they fit into the library's buffer, which holds 500:
// one event that did not, a large system exclusive message, could never be read.
constexpr size_t kInputPool = 400;

// Has the library not print what it reports in its results too.
class Silence {
 public:
  explicit Silence(const Alsa &alsa) : alsa_(alsa) {
    if (alsa_.snd_lib_error_set_local == nullptr) return;
    before_ = alsa_.snd_lib_error_set_local([](const char *, int, const char *, int, const char *, va_list) {});
  }
  ~Silence() {
    if (alsa_.snd_lib_error_set_local != nullptr) alsa_.snd_lib_error_set_local(before_);
  }
  Silence(const Silence &) = delete;
  Silence &operator=(const Silence &) = delete;

 private:
  const Alsa &alsa_;
  AlsaErrorHandler before_ = nullptr;
};

// Owns an object that the library allocates.
template <typename Info>
class Allocated {
 public:
  Allocated(int (*allocate)(Info **), void (*release)(Info *)) : release_(release) {
    if (allocate(&info_) < 0) info_ = nullptr;
  }
  ~Allocated() {
    if (info_ != nullptr) release_(info_);
  }
  Allocated(const Allocated &) = delete;
  Allocated &operator=(const Allocated &) = delete;
  Info *get() const { return info_; }

 private:
  void (*const release_)(Info *);
  Info *info_ = nullptr;
};

bool IsNote(uint8_t type) { return type >= kAlsaNote && type <= kAlsaKeyPressure; }

MidiRow RowOf(const AlsaEvent &event) {
  MidiRow row = {event.type, event.destination.port, event.source.client, event.source.port, 0, 0, 0, 0};
  if (IsNote(event.type)) {
    row[4] = event.data.note.channel;
    row[5] = event.data.note.note;
    row[6] = event.data.note.velocity;
  } else if (event.type >= kAlsaController && event.type <= kAlsaRegisteredParameter) {
    row[4] = event.data.control.channel;
    row[5] = static_cast<int32_t>(event.data.control.param);
    row[6] = event.data.control.value;
  } else if (event.type >= kAlsaClientStart && event.type <= kAlsaPortChange) {
    row[4] = event.data.address.client;
    row[5] = event.data.address.port;
  } else if (event.type == kAlsaSubscribed || event.type == kAlsaUnsubscribed) {
    row[4] = event.data.connection.sender.client;
    row[5] = event.data.connection.sender.port;
    row[6] = event.data.connection.destination.client;
    row[7] = event.data.connection.destination.port;
  }
  return row;
}

AlsaEvent NewEvent(int port, AlsaAddress destination, int type) {
  AlsaEvent event = {};
  event.type = static_cast<uint8_t>(type);
  event.queue = kAlsaDirect;
  event.source.port = static_cast<uint8_t>(port);
  event.destination = destination;
  return event;
}

}  // namespace

Sequencer::Opened Sequencer::Open(const std::string &name, uv_loop_t *loop,
                                  const std::shared_ptr<HandleCount> &handles) {
  Close();
  Opened result;
  result.library = alsa_.Load();
  if (!result.library.empty()) return result;
  const Silence silence(alsa_);
  AlsaSequencer *opened = nullptr;
  result.error = -alsa_.snd_seq_open(&opened, "default", kAlsaDuplex, 0);
  if (result.error > 0) return result;
  result.error = 0;
  sequencer_ = opened;
  ++opened_;
  empty_reads_ = 0;
  pollfd descriptor = {-1, 0, 0};
  int status = alsa_.snd_seq_nonblock(sequencer_, 1);
  if (status >= 0) status = alsa_.snd_seq_set_client_name(sequencer_, name.c_str());
  if (status >= 0 && alsa_.snd_seq_poll_descriptors(sequencer_, &descriptor, 1, POLLIN) < 1) status = -EIO;
  // Started first: what is added to one that is started is watched at once.
  if (status >= 0 && watcher_.Start(loop, handles) < 0) status = -EIO;
  if (status >= 0) status = -watcher_.Add(descriptor.fd, opened_);
  if (status >= 0) fd_ = descriptor.fd;
  if (status < 0) {
    result.error = -status;
    Close();
    return result;
  }
  if (alsa_.snd_seq_set_client_pool_input != nullptr) alsa_.snd_seq_set_client_pool_input(sequencer_, kInputPool);
  Announce();
  return result;
}

// If that fails, TypeScript notices what comes by trying again, and what goes when it sends.
void Sequencer::Announce() {
  if (!alsa_.can_announce()) return;
  const Allocated<AlsaPortInfo> info(alsa_.snd_seq_port_info_malloc, alsa_.snd_seq_port_info_free);
  if (info.get() == nullptr) return;
  alsa_.snd_seq_port_info_set_port(info.get(), kListeningPort);
  alsa_.snd_seq_port_info_set_port_specified(info.get(), 1);
  alsa_.snd_seq_port_info_set_capability(info.get(), kAlsaWrite | kAlsaNoExport);
  alsa_.snd_seq_port_info_set_type(info.get(), kAlsaApplication);
  alsa_.snd_seq_port_info_set_name(info.get(), "announcements");
  if (alsa_.snd_seq_create_port(sequencer_, info.get()) < 0) return;
  alsa_.snd_seq_connect_from(sequencer_, kListeningPort, kAlsaSystemClient, kAlsaAnnouncePort);
}

void Sequencer::Close() {
  if (fd_ >= 0) watcher_.Remove(fd_);
  fd_ = -1;
  watcher_.Close();
  if (sequencer_ == nullptr) return;
  AlsaSequencer *const closing = std::exchange(sequencer_, nullptr);
  alsa_.snd_seq_close(closing);
}

int Sequencer::client() { return is_open() ? alsa_.snd_seq_client_id(sequencer_) : -ENODEV; }

int Sequencer::AddPort(const std::string &name) {
  if (!is_open()) return -ENODEV;
  constexpr unsigned kCapabilities = kAlsaRead | kAlsaWrite | kAlsaSubscribeRead | kAlsaSubscribeWrite;
  return alsa_.snd_seq_create_simple_port(sequencer_, name.c_str(), kCapabilities, kAlsaGenericMidi);
}

int Sequencer::RemovePort(int port) {
  if (!is_open() || alsa_.snd_seq_delete_simple_port == nullptr) return -ENODEV;
  return alsa_.snd_seq_delete_simple_port(sequencer_, port);
}

int Sequencer::Find(const std::string &text) {
  if (!is_open()) return -ENODEV;
  const Silence silence(alsa_);
  AlsaAddress address = {};
  const int status = alsa_.snd_seq_parse_address(sequencer_, &address, text.c_str());
  return status < 0 ? status : address.client << 8 | address.port;
}

int Sequencer::Link(int port, AlsaAddress peer, bool to_peer, bool connect) {
  if (!is_open()) return -ENODEV;
  const auto link = to_peer ? (connect ? alsa_.snd_seq_connect_to : alsa_.snd_seq_disconnect_to)
                            : (connect ? alsa_.snd_seq_connect_from : alsa_.snd_seq_disconnect_from);
  return link == nullptr ? -ENOSYS : link(sequencer_, port, peer.client, peer.port);
}

int Sequencer::Output(AlsaEvent *event) {
  int status = alsa_.snd_seq_event_output(sequencer_, event);
  if (status >= 0) status = alsa_.snd_seq_drain_output(sequencer_);
  if (status >= 0) return 0;
  // Not tried again: of several receivers only one may have refused it, and the others would get it twice.
  if (alsa_.snd_seq_drop_output_buffer != nullptr) alsa_.snd_seq_drop_output_buffer(sequencer_);
  return status;
}

size_t Sequencer::Send(int32_t *rows, size_t count) {
  size_t failed = 0;
  for (int32_t *row = rows; row != rows + count * kMidiSendColumns; row += kMidiSendColumns) {
    const AlsaAddress destination = {static_cast<uint8_t>(row[1]), static_cast<uint8_t>(row[2])};
    AlsaEvent event = NewEvent(row[0], destination, row[3]);
    if (IsNote(event.type)) {
      event.data.note.channel = static_cast<uint8_t>(row[4]);
      event.data.note.note = static_cast<uint8_t>(row[5]);
      event.data.note.velocity = static_cast<uint8_t>(row[6]);
    } else {
      event.data.control.channel = static_cast<uint8_t>(row[4]);
      event.data.control.param = static_cast<uint32_t>(row[5]);
      event.data.control.value = row[6];
    }
    const int status = is_open() ? Output(&event) : -ENODEV;
    if (status >= 0) continue;
    row[3] = status;
    ++failed;
  }
  return failed;
}

int Sequencer::SendBytes(int port, AlsaAddress destination, const void *bytes, size_t length) {
  if (!is_open()) return -ENODEV;
  AlsaEvent event = NewEvent(port, destination, kAlsaSystemExclusive);
  event.flags = kAlsaVariableLength;
  event.data.bytes.length = static_cast<uint32_t>(length);
  event.data.bytes.bytes = bytes;
  return Output(&event);
}

bool Sequencer::List(std::vector<MidiDevice> *devices) {
  if (!is_open() || !alsa_.lists_devices()) return false;
  const Allocated<AlsaClientInfo> client(alsa_.snd_seq_client_info_malloc, alsa_.snd_seq_client_info_free);
  const Allocated<AlsaPortInfo> port(alsa_.snd_seq_port_info_malloc, alsa_.snd_seq_port_info_free);
  if (client.get() == nullptr || port.get() == nullptr) return false;
  alsa_.snd_seq_client_info_set_client(client.get(), -1);
  while (alsa_.snd_seq_query_next_client(sequencer_, client.get()) >= 0) {
    const int number = alsa_.snd_seq_client_info_get_client(client.get());
    const char *const name = alsa_.snd_seq_client_info_get_name(client.get());
    const std::string client_name = name == nullptr ? "" : name;
    alsa_.snd_seq_port_info_set_client(port.get(), number);
    alsa_.snd_seq_port_info_set_port(port.get(), -1);
    while (alsa_.snd_seq_query_next_port(sequencer_, port.get()) >= 0) {
      const char *const port_name = alsa_.snd_seq_port_info_get_name(port.get());
      devices->push_back({number, alsa_.snd_seq_port_info_get_port(port.get()),
                          alsa_.snd_seq_port_info_get_capability(port.get()), client_name,
                          port_name == nullptr ? "" : port_name});
    }
  }
  return true;
}

void Sequencer::OnReady(const std::vector<ReadyWatch> &ready) {
  if (is_open() && !ready.empty() && ready.front().watch == opened_) Read();
}

void Sequencer::Read() {
  const uint64_t opened = opened_;
  MidiRow rows[kBatch];
  bool any = false;
  for (size_t batch = 0; batch < kBatchesPerTurn; ++batch) {
    size_t count = 0;
    int status = 1;
    for (size_t attempts = 0; count < kBatch && attempts < 2 * kBatch; ++attempts) {
      AlsaEvent *event = nullptr;
      status = alsa_.snd_seq_event_input(sequencer_, &event);
      if (status == -EINVAL) continue;  // an incomplete one
      if (status == -ENOSPC) {
        rows[count++] = {kMidiInputLost};
        continue;
      }
      if (status <= 0 || event == nullptr) break;
      rows[count++] = RowOf(*event);
    }
    any = any || count > 0;
    if (count > 0) listener_.OnMidi(rows, count);
    if (!is_open() || opened_ != opened) return;
    if (count == kBatch) continue;
    empty_reads_ = any ? 0 : empty_reads_ + 1;
    if (status < 0 && status != -EAGAIN && status != -EINTR) {
      listener_.OnMidiEnd(-status);
    } else if (empty_reads_ > kMaxEmptyReads) {
      listener_.OnMidiEnd(EIO);
    }
    return;
  }
  // What the library has read already does not make the descriptor ready.
  if (watcher_.TellAgain(opened) < 0) listener_.OnMidiEnd(ENOMEM);
}

}  // namespace mmpy
