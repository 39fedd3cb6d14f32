// Messages between a process and the router, over two stream sockets: requests that the router waits for, and the rest.
// A message is its length, 4 bytes in the machine's order, and then so many bytes. A request's are fields, each again
// with its length; an answer and a report are JSON.
#ifndef MMPY_CHILD_MESSAGES_H
#define MMPY_CHILD_MESSAGES_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/uv_handle.h"

namespace mmpy {

using Request = std::vector<std::string>;

class Messages {
 public:
  // `answers` gives a request's answer. The process ends when the router is gone.
  Messages(uv_loop_t *loop, int fd, std::function<std::string(const Request &)> answers);

  // Sends a message without waiting for its reader: what does not fit is kept for later, up to a limit.
  void Send(std::string_view text);

  // Sends what was kept, and waits for its reader until then (SteadyMs()).
  void SendRest(uint64_t until_ms);

 private:
  static constexpr size_t kLimit = size_t{16} << 20;

  void OnReadable();
  void Append(std::string_view text);
  void Flush();

  uv_loop_t *const loop_;
  const int fd_;
  const std::function<std::string(const Request &)> answers_;
  std::string waiting_;
  size_t sent_ = 0;  // of what is waiting
  uint64_t left_out_ = 0;
  UvHandle<uv_poll_t> poll_;
  UvHandle<uv_timer_t> retry_;
};

}  // namespace mmpy

#endif
