/*
 * Stands in for ALSA's library, with a sequencer that the test plays: what the program calls arrives at the test as
 * datagrams of text on 127.0.0.1, and what the test sends are commands for the sequencer (act() lists them). The
 * environment says more: MMPY_TEST_MIDI is the test's port, MMPY_TEST_MIDI_DEVICES has commands to begin with, one a
 * line, and while the file MMPY_TEST_NO_MIDI exists, there is no sequencer.
 *
 * With -DFEW it has only the functions without which there is no MIDI.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT = 128, MAX_DEVICES = 32, MAX_QUEUE = 8192, MAX_OUTPUTS = 256, ANNOUNCE_TYPES = 60, PORT_EXIT = 64 };

typedef struct {
  uint8_t type, flags, tag, queue;
  uint32_t time[2];
  uint8_t source[2], destination[2];
  union {
    uint8_t raw8[12];
    uint32_t raw32[3];
    struct {
      uint32_t length;
      const uint8_t *bytes;
    } __attribute__((packed)) external;
  } data;
} Event;

typedef struct {
  int client, port;
  unsigned capabilities;
  char name[64];
} Device;

static int sock = -1;
static Device devices[MAX_DEVICES];
static int device_count;
static Event queue[MAX_QUEUE];
static int queued, taken, ports, listening = -1, refusals, refusal, failure;
static Event outputs[MAX_OUTPUTS];
static int output_count;
static char *open_handle = (char *)&sock; /* not NULL */

static void tell(const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (sock >= 0 && send(sock, text, strlen(text), 0) < 0) perror("fake-libasound");
}

static void enqueue(int type, int port, int from, int from_port, const int *data) {
  if (queued == MAX_QUEUE) abort();
  Event *event = &queue[queued++];
  memset(event, 0, sizeof *event);
  event->type = (uint8_t)type;
  event->source[0] = (uint8_t)from;
  event->source[1] = (uint8_t)from_port;
  event->destination[0] = CLIENT;
  event->destination[1] = (uint8_t)port;
  event->data.raw8[0] = (uint8_t)data[0];
  if (type >= 10 && type <= 16) { /* controllers: channel, three unused bytes, parameter, value */
    event->data.raw32[1] = (uint32_t)data[1];
    event->data.raw32[2] = (uint32_t)data[2];
  } else {
    for (int i = 1; i < 4; ++i) event->data.raw8[i] = (uint8_t)data[i];
  }
}

static void announce(int type, int client, int port) {
  const int data[4] = {client, port};
  if (listening >= 0) enqueue(type, listening, 0, 1, data);
}

/* Does what the test says. */
static void act(const char *text) {
  int a = 0, b = 0, c = 0, d = 0, data[4] = {0};
  Device device = {0};
  if (sscanf(text, "event %d to %d from %d:%d %d %d %d %d", &a, &b, &c, &d, data, data + 1, data + 2, data + 3) >= 4) {
    enqueue(a, b, c, d, data);
  } else if (sscanf(text, "flood %d", &a) == 1) {
    for (int i = 0; i < a; ++i) {
      const int control[4] = {0, 7, i & 0x7f};
      enqueue(10, 0, 20, 0, control);
    }
  } else if (sscanf(text, "add %d:%d %u %63[^\n]", &device.client, &device.port, &device.capabilities, device.name) ==
             4) {
    devices[device_count++] = device;
    announce(60, device.client, 0);
    announce(63, device.client, device.port);
  } else if (sscanf(text, "remove %d", &a) == 1) {
    int kept = 0;
    for (int i = 0; i < device_count; ++i) {
      if (devices[i].client == a)
        announce(PORT_EXIT, a, devices[i].port);
      else
        devices[kept++] = devices[i];
    }
    device_count = kept;
    announce(61, a, 0);
  } else if (strcmp(text, "announce nothing") == 0) {
    listening = -1;
  } else if (sscanf(text, "refuse %d %d", &refusals, &refusal) == 2) {
  } else if (sscanf(text, "fail %d", &failure) == 1) {
  } else {
    fprintf(stderr, "fake-libasound: what is '%s'?\n", text);
    abort();
  }
}

int snd_seq_open(void **handle, const char *name, int streams, int mode) {
  const char *port = getenv("MMPY_TEST_MIDI"), *missing = getenv("MMPY_TEST_NO_MIDI");
  if (port == NULL || (missing != NULL && access(missing, F_OK) == 0)) return -ENOENT;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connect(sock, (struct sockaddr *)&address, sizeof address) < 0) return -EIO;
  device_count = queued = taken = ports = refusals = failure = output_count = 0;
  listening = -1;
  tell("open %s %d %d", name, streams, mode);
  const char *there = getenv("MMPY_TEST_MIDI_DEVICES");
  char *const lines = strdup(there == NULL ? "" : there);
  for (char *line = strtok(lines, "\n"); line != NULL; line = strtok(NULL, "\n")) act(line);
  free(lines);
  *handle = open_handle;
  return 0;
}

int snd_seq_close(void *handle) {
  (void)handle;
  tell("close");
  close(sock);
  sock = -1;
  return 0;
}

int snd_seq_nonblock(void *handle, int nonblock) {
  (void)handle;
  return nonblock == 1 ? 0 : -EINVAL;
}

int snd_seq_client_id(void *handle) {
  (void)handle;
  return CLIENT;
}

int snd_seq_set_client_name(void *handle, const char *name) {
  (void)handle;
  tell("name %s", name);
  return 0;
}

int snd_seq_create_simple_port(void *handle, const char *name, unsigned capabilities, unsigned type) {
  (void)handle;
  tell("port %d 0x%x 0x%x %s", ports, capabilities, type, name);
  return ports++;
}

static Device *find(int client, int port) {
  for (int i = 0; i < device_count; ++i) {
    if (devices[i].client == client && devices[i].port == port) return &devices[i];
  }
  return NULL;
}

int snd_seq_parse_address(void *handle, uint8_t *address, const char *text) {
  (void)handle;
  const size_t length = strcspn(text, ":.");
  address[1] = (uint8_t)(text[length] == 0 ? 0 : atoi(text + length + 1));
  char *end = NULL;
  address[0] = (uint8_t)strtol(text, &end, 10);
  if (end == text + length) return 0;
  for (int exact = 1; exact >= 0; --exact) {
    for (int i = 0; i < device_count; ++i) {
      if (strncmp(devices[i].name, text, length) != 0 || (exact && strlen(devices[i].name) != length)) continue;
      address[0] = (uint8_t)devices[i].client;
      return 0;
    }
  }
  return -ENOENT;
}

int snd_seq_connect_from(void *handle, int port, int client, int client_port) {
  (void)handle;
  if (client == 0 && client_port == 1) {
    listening = port;
    return 0;
  }
  const Device *device = find(client, client_port);
  if (device != NULL && (device->capabilities & 0x21) != 0x21) return -EPERM;
  if (device != NULL) tell("from %d:%d to %d", client, client_port, port);
  return device == NULL ? -EINVAL : 0;
}

int snd_seq_connect_to(void *handle, int port, int client, int client_port) {
  (void)handle;
  const Device *device = find(client, client_port);
  if (device != NULL && (device->capabilities & 0x42) != 0x42) return -EPERM;
  if (device != NULL) tell("from %d to %d:%d", port, client, client_port);
  return device == NULL ? -EINVAL : 0;
}

int snd_seq_poll_descriptors_count(void *handle, short events) {
  (void)handle;
  (void)events;
  return 1;
}

int snd_seq_poll_descriptors(void *handle, struct pollfd *descriptors, unsigned space, short events) {
  (void)handle;
  if (space < 1) return 0;
  descriptors[0] = (struct pollfd){sock, events, 0};
  return 1;
}

int snd_seq_event_input(void *handle, Event **event) {
  (void)handle;
  *event = NULL;
  while (taken == queued && failure == 0) {
    char text[512];
    taken = queued = 0;
    const ssize_t length = recv(sock, text, sizeof text - 1, 0);
    if (length < 0) return -EAGAIN;
    text[length] = 0;
    act(text);
  }
  if (failure != 0) {
    const int error = failure;
    failure = 0;
    return -error;
  }
  *event = &queue[taken++];
  return 1;
}

int snd_seq_event_output(void *handle, Event *event) {
  (void)handle;
  if (output_count == MAX_OUTPUTS) return -EAGAIN;
  outputs[output_count++] = *event;
  return output_count;
}

static void send_out(const Event *event) {
  const uint8_t *to = event->destination, *data = event->data.raw8;
  const uint32_t *words = event->data.raw32;
  if (event->flags == 4) {
    char hex[2048] = "";
    for (uint32_t i = 0; i < event->data.external.length && 2 * i + 2 < sizeof hex; ++i) {
      sprintf(hex + 2 * i, "%02x", event->data.external.bytes[i]);
    }
    tell("sent %d to %d:%d bytes %s", event->source[1], to[0], to[1], hex);
  } else if (event->type < 10) {
    tell("sent %d to %d:%d type %d: %d %d %d", event->source[1], to[0], to[1], event->type, data[0], data[1], data[2]);
  } else {
    tell("sent %d to %d:%d type %d: %d %d %d", event->source[1], to[0], to[1], event->type, data[0], (int)words[1],
         (int)words[2]);
  }
}

int snd_seq_drain_output(void *handle) {
  (void)handle;
  if (output_count > 0 && refusals > 0) {
    --refusals;
    return -refusal; /* and the events stay */
  }
  for (int i = 0; i < output_count; ++i) {
    if (outputs[i].queue != 253) return -EINVAL; /* not direct: would wait for a queue that does not run */
    send_out(&outputs[i]);
  }
  output_count = 0;
  return 0;
}

#ifndef FEW

int snd_seq_drop_output_buffer(void *handle) {
  (void)handle;
  output_count = 0;
  return 0;
}

int snd_seq_delete_simple_port(void *handle, int port) {
  (void)handle;
  tell("delete %d", port);
  return 0;
}

int snd_seq_disconnect_from(void *handle, int port, int client, int client_port) {
  (void)handle;
  tell("not from %d:%d to %d", client, client_port, port);
  return 0;
}

int snd_seq_disconnect_to(void *handle, int port, int client, int client_port) {
  (void)handle;
  tell("not from %d to %d:%d", port, client, client_port);
  return 0;
}

/* Information about clients and ports: of both, only what is used. */
typedef Device Info;

int snd_seq_client_info_malloc(Info **info) {
  *info = calloc(1, sizeof **info);
  return *info == NULL ? -ENOMEM : 0;
}
void snd_seq_client_info_free(Info *info) { free(info); }
void snd_seq_client_info_set_client(Info *info, int client) { info->client = client; }
int snd_seq_client_info_get_client(const Info *info) { return info->client; }
const char *snd_seq_client_info_get_name(Info *info) { return info->name; }

int snd_seq_query_next_client(void *handle, Info *info) {
  (void)handle;
  const Device *next = NULL;
  for (int i = 0; i < device_count; ++i) {
    if (devices[i].client > info->client && (next == NULL || devices[i].client < next->client)) next = &devices[i];
  }
  if (next == NULL) return -ENOENT;
  *info = *next;
  return 0;
}

int snd_seq_port_info_malloc(Info **info) { return snd_seq_client_info_malloc(info); }
void snd_seq_port_info_free(Info *info) { free(info); }
void snd_seq_port_info_set_client(Info *info, int client) { info->client = client; }
void snd_seq_port_info_set_port(Info *info, int port) { info->port = port; }
void snd_seq_port_info_set_port_specified(Info *info, int specified) { (void)info, (void)specified; }
void snd_seq_port_info_set_capability(Info *info, unsigned capability) { info->capabilities = capability; }
void snd_seq_port_info_set_type(Info *info, unsigned type) { (void)info, (void)type; }
void snd_seq_port_info_set_name(Info *info, const char *name) { snprintf(info->name, sizeof info->name, "%s", name); }
int snd_seq_port_info_get_port(const Info *info) { return info->port; }
const char *snd_seq_port_info_get_name(const Info *info) { return info->name; }
unsigned snd_seq_port_info_get_capability(const Info *info) { return info->capabilities; }

int snd_seq_query_next_port(void *handle, Info *info) {
  (void)handle;
  for (int port = info->port + 1; port < 256; ++port) {
    const Device *device = find(info->client, port);
    if (device == NULL) continue;
    *info = *device;
    return 0;
  }
  return -ENOENT;
}

int snd_seq_create_port(void *handle, Info *info) {
  (void)handle;
  tell("own port %d 0x%x", info->port, info->capabilities);
  return 0;
}

#endif

/* So that Node loads it like an addon, and its functions are found in this process. */
void *napi_register_module_v1(void *environment, void *exports);
void *napi_register_module_v1(void *environment, void *exports) {
  (void)environment;
  return exports;
}
