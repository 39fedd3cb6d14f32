#include "support/uv_failures.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
#include <uv.h>

using mmpy::test::uv_failures;

namespace {

// The function that the one here stands before.
template <typename Function>
Function *Real(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd) {
  return uv_failures.poll_init ? UV_ENOMEM : Real<decltype(uv_poll_init)>("uv_poll_init")(loop, handle, fd);
}

extern "C" int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback) {
  return uv_failures.poll_start ? UV_ENOMEM : Real<decltype(uv_poll_start)>("uv_poll_start")(handle, events, callback);
}

extern "C" ssize_t sendto(int fd, const void *data, size_t size, int flags, const sockaddr *to, socklen_t length) {
  if (uv_failures.sendto_error != 0) {
    errno = uv_failures.sendto_error;
    return -1;
  }
  return Real<ssize_t(int, const void *, size_t, int, const sockaddr *, socklen_t)>("sendto")(fd, data, size, flags, to,
                                                                                              length);
}
