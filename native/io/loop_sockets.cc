#include "io/loop_sockets.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <utility>

#include "io/forked.h"

namespace mmpy {

namespace {

thread_local uv_loop_t *loop_of_thread = nullptr;

// The descriptors by which loops poll, plus one; 0 is a free place. Further loops keep their sockets open in children
// of other threads.
std::array<std::atomic<int>, 64> polled_by;

void Exchange(int before, int after) {
  for (std::atomic<int> &place : polled_by) {
    int expected = before;
    if (place.compare_exchange_strong(expected, after)) return;
  }
}

// Of what is polled only the addon's UDP sockets: the rest are sets of descriptors, which belong to Python.
bool IsDatagramSocket(uv_os_fd_t fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

void CloseDescriptor(uv_handle_t *handle, void *) {
  const uv_handle_type type = uv_handle_get_type(handle);
  const bool is_polled = type == UV_POLL;
  if (!is_polled && type != UV_TCP && type != UV_UDP && type != UV_NAMED_PIPE) return;
  uv_os_fd_t fd = -1;
  if (uv_fileno(handle, &fd) != 0 || fd <= STDERR_FILENO) return;
  if (!is_polled || IsDatagramSocket(fd)) close(fd);
}

bool IsSocket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

// User code's sockets are never in a loop's own set.
void ClosePolled(int set) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", set);
  FILE *const members = fopen(path, "re");
  if (members == nullptr) return;
  char line[256];
  int fd = -1;
  while (fgets(line, sizeof line, members) != nullptr) {
    if (sscanf(line, "tfd: %d", &fd) == 1 && fd > STDERR_FILENO && IsSocket(fd)) close(fd);
  }
  fclose(members);
}

}  // namespace

void SetLoopOfThread(uv_loop_t *loop) {
  if (loop_of_thread != nullptr) Exchange(uv_backend_fd(loop_of_thread) + 1, 0);
  loop_of_thread = loop;
  if (loop != nullptr) Exchange(0, uv_backend_fd(loop) + 1);
}

// The handles stay as they are: closing them would change the epoll set, which is the parent's too.
void CloseLoopSocketsInChild() {
  if (!InForkedChild()) return;  // user code can find the function that calls this
  // A child may fork again, when the numbers belong to other files.
  uv_loop_t *const loop = std::exchange(loop_of_thread, nullptr);
  const int own = loop == nullptr ? -1 : uv_backend_fd(loop);
  if (loop != nullptr) uv_walk(loop, CloseDescriptor, nullptr);
  for (std::atomic<int> &place : polled_by) {
    const int set = place.exchange(0) - 1;
    if (set >= 0 && set != own) ClosePolled(set);
  }
}

}  // namespace mmpy
