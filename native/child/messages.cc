#include "child/messages.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child/json.h"
#include "child/wake.h"
#include "io/steady_ms.h"

namespace mmpy {

namespace {

constexpr uint64_t kRetryMs = 5;
constexpr char kLeftOut[] = " batches of messages of its process were lost: there are too many";

// The router ends, or has ended: there is nothing left to be done.
[[noreturn]] void EndWithRouter() { _exit(1); }

void ReadAll(int fd, char *bytes, size_t size) {
  while (size > 0) {
    const ssize_t count = read(fd, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) EndWithRouter();
    bytes += count;
    size -= static_cast<size_t>(count);
  }
}

uint32_t ReadLength(int fd) {
  uint32_t length = 0;
  char bytes[sizeof length];
  ReadAll(fd, bytes, sizeof bytes);
  memcpy(&length, bytes, sizeof length);
  return length;
}

Request FieldsOf(const std::string &bytes) {
  Request fields;
  for (size_t at = 0; at + 4 <= bytes.size();) {
    uint32_t length = 0;
    memcpy(&length, bytes.data() + at, sizeof length);
    fields.push_back(bytes.substr(at + 4, length));
    at += 4 + size_t{length};
  }
  return fields;
}

}  // namespace

Messages::Messages(uv_loop_t *loop, int fd, std::function<std::string(const Request &)> answers)
    : loop_(loop), fd_(fd), answers_(std::move(answers)) {
  const auto count = std::make_shared<HandleCount>();
  poll_.Open(count, this, [&](uv_poll_t *poll) { return uv_poll_init(loop, poll, fd); });
  retry_.Open(count, this, [&](uv_timer_t *timer) { return uv_timer_init(loop, timer); });
  uv_poll_start(poll_.get(), UV_READABLE,
                [](uv_poll_t *poll, int, int) { static_cast<Messages *>(poll->data)->OnReadable(); });
}

void Messages::OnReadable() {
  std::string bytes(ReadLength(fd_), '\0');
  ReadAll(fd_, bytes.data(), bytes.size());
  Append(answers_(FieldsOf(bytes)));  // the next answer would be taken for this one if it was left out
}

void Messages::Send(std::string_view text) {
  if (waiting_.size() - sent_ > kLimit) {
    ++left_out_;
    return;
  }
  Append(text);
}

void Messages::Append(std::string_view text) {
  const auto length = static_cast<uint32_t>(text.size());
  waiting_.append(reinterpret_cast<const char *>(&length), sizeof length);
  waiting_.append(text);
  Flush();
}

// The router may be waiting for an answer over the other socket, and then reads nothing here.
void Messages::Flush() {
  while (sent_ < waiting_.size()) {
    const ssize_t count = send(fd_, waiting_.data() + sent_, waiting_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0 && (errno == EBADF || errno == ENOTSOCK)) EndWithoutDescriptor();
    if (count < 0) EndWithRouter();
    sent_ += static_cast<size_t>(count);
  }
  if (sent_ < waiting_.size()) {
    // Not each time, which would copy all that waits for every piece that is sent.
    if (sent_ > kLimit) waiting_.erase(0, std::exchange(sent_, 0));
    uv_timer_start(
        retry_.get(), [](uv_timer_t *timer) { static_cast<Messages *>(timer->data)->Flush(); }, kRetryMs, 0);
    return;
  }
  std::string().swap(waiting_);  // gives a backlog's memory back
  sent_ = 0;
  const uint64_t count = std::exchange(left_out_, 0);
  if (count > 0) Send(JsonObject().Add("failed", Quoted(std::to_string(count) + kLeftOut)).text());
}

void Messages::SendRest(uint64_t until_ms) {
  for (Flush(); !waiting_.empty(); Flush()) {
    const uint64_t now = SteadyMs();
    if (now >= until_ms) return;
    pollfd writable = {fd_, POLLOUT, 0};
    poll(&writable, 1, static_cast<int>(until_ms - now));
  }
}

}  // namespace mmpy
