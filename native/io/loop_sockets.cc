#include "io/loop_sockets.h"

#include <sys/socket.h>
#include <unistd.h>

#include "io/forked.h"

namespace mmpy {

namespace {

thread_local uv_loop_t *loop_of_thread = nullptr;

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

}  // namespace

void SetLoopOfThread(uv_loop_t *loop) { loop_of_thread = loop; }

// The handles stay as they are: closing them would change the epoll set, which is the parent's too.
void CloseLoopSocketsInChild() {
  if (InForkedChild() && loop_of_thread != nullptr) uv_walk(loop_of_thread, CloseDescriptor, nullptr);
  loop_of_thread = nullptr;  // a child may fork again, when the numbers belong to other files
}

}  // namespace mmpy
