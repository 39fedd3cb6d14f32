#include "io/loop_functions.h"

#include <dlfcn.h>

namespace mmpy {

namespace {

LoopFunctions functions;

const char *TakeFromProgram() {
#define MMPY_LOOP_FUNCTION(name)                                                           \
  functions.name = reinterpret_cast<decltype(functions.name)>(dlsym(RTLD_DEFAULT, #name)); \
  if (functions.name == nullptr) return #name;
#include "io/loop_functions.inc"
#undef MMPY_LOOP_FUNCTION
  return nullptr;
}

}  // namespace

const char *UseLoopOfProgram() {
  static const char *const missing = TakeFromProgram();
  return missing;
}

bool UseLoop(const LoopFunctions &of_process) {
  if (functions.uv_now != nullptr) return false;
  functions = of_process;
  return true;
}

}  // namespace mmpy

extern "C" {

using mmpy::functions;

int uv_async_init(uv_loop_t *loop, uv_async_t *handle, uv_async_cb call) {
  return functions.uv_async_init(loop, handle, call);
}
int uv_async_send(uv_async_t *handle) { return functions.uv_async_send(handle); }
int uv_backend_fd(const uv_loop_t *loop) { return functions.uv_backend_fd(loop); }
void uv_close(uv_handle_t *handle, uv_close_cb call) { functions.uv_close(handle, call); }
int uv_fileno(const uv_handle_t *handle, uv_os_fd_t *fd) { return functions.uv_fileno(handle, fd); }
uv_handle_type uv_handle_get_type(const uv_handle_t *handle) { return functions.uv_handle_get_type(handle); }
uint64_t uv_hrtime(void) { return functions.uv_hrtime(); }
int uv_idle_init(uv_loop_t *loop, uv_idle_t *handle) { return functions.uv_idle_init(loop, handle); }
int uv_idle_start(uv_idle_t *handle, uv_idle_cb call) { return functions.uv_idle_start(handle, call); }
int uv_idle_stop(uv_idle_t *handle) { return functions.uv_idle_stop(handle); }
int uv_ip4_addr(const char *ip, int port, sockaddr_in *address) { return functions.uv_ip4_addr(ip, port, address); }
int uv_ip6_addr(const char *ip, int port, sockaddr_in6 *address) { return functions.uv_ip6_addr(ip, port, address); }
int uv_is_active(const uv_handle_t *handle) { return functions.uv_is_active(handle); }
uint64_t uv_metrics_idle_time(uv_loop_t *loop) { return functions.uv_metrics_idle_time(loop); }
uint64_t uv_now(const uv_loop_t *loop) { return functions.uv_now(loop); }
int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd) { return functions.uv_poll_init(loop, handle, fd); }
int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb call) {
  return functions.uv_poll_start(handle, events, call);
}
int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *handle) { return functions.uv_prepare_init(loop, handle); }
int uv_prepare_start(uv_prepare_t *handle, uv_prepare_cb call) { return functions.uv_prepare_start(handle, call); }
int uv_prepare_stop(uv_prepare_t *handle) { return functions.uv_prepare_stop(handle); }
const char *uv_strerror(int error) { return functions.uv_strerror(error); }
int uv_thread_equal(const uv_thread_t *left, const uv_thread_t *right) {
  return functions.uv_thread_equal(left, right);
}
uv_thread_t uv_thread_self(void) { return functions.uv_thread_self(); }
int uv_timer_init(uv_loop_t *loop, uv_timer_t *handle) { return functions.uv_timer_init(loop, handle); }
int uv_timer_start(uv_timer_t *handle, uv_timer_cb call, uint64_t timeout, uint64_t repeat) {
  return functions.uv_timer_start(handle, call, timeout, repeat);
}
int uv_timer_stop(uv_timer_t *handle) { return functions.uv_timer_stop(handle); }
void uv_unref(uv_handle_t *handle) { functions.uv_unref(handle); }
void uv_update_time(uv_loop_t *loop) { functions.uv_update_time(loop); }
void uv_walk(uv_loop_t *loop, uv_walk_cb call, void *data) { functions.uv_walk(loop, call, data); }
}
