#include "io/loop_sockets.h"

#include <unistd.h>

#include "io/forked.h"

namespace mmpy {

namespace {

thread_local uv_loop_t *loop_of_thread = nullptr;

void CloseDescriptor(uv_handle_t *handle, void *) {
  const uv_handle_type type = uv_handle_get_type(handle);
  if (type != UV_TCP && type != UV_UDP && type != UV_NAMED_PIPE) return;
  uv_os_fd_t fd = -1;
  if (uv_fileno(handle, &fd) == 0 && fd > STDERR_FILENO) close(fd);
}

}  // namespace

void SetLoopOfThread(uv_loop_t *loop) { loop_of_thread = loop; }

// The handles stay as they are: closing them would change the epoll set, which is the parent's too.
void CloseLoopSocketsInChild() {
  if (InForkedChild() && loop_of_thread != nullptr) uv_walk(loop_of_thread, CloseDescriptor, nullptr);
  loop_of_thread = nullptr;  // a child may fork again, when the numbers belong to other files
}

}  // namespace mmpy
