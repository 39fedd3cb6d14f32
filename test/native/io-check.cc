// An addon for test/native-io.test.ts: parts of native/io on Node's own loop. Its functions return what happened.
#include <fcntl.h>
#include <node_api.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "io/fd_watcher.h"

namespace {

using mmpy::FdWatcher;

uv_loop_t *loop;
const auto handles = std::make_shared<mmpy::HandleCount>();
std::string said;

// Descriptors

class Listener : public mmpy::FdListener {
 public:
  void OnReady(const std::vector<mmpy::ReadyWatch> &ready) override {
    for (const auto &one : ready) {
      said += std::to_string(one.watch) + ":" + ((one.what & mmpy::kReadable) != 0 ? "r" : "") +
              ((one.what & mmpy::kWritable) != 0 ? "w" : "") + " ";
    }
    said += "\n";
    Step();
  }
  void OnFailure(const char *what) override { said += what; }

  void Run() {
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair_);
    if (pipe2(pipe_, O_NONBLOCK) != 0) return;
    const char block[4096] = {};
    while (write(pipe_[1], block, sizeof(block)) > 0) {
    }
    watcher_.Start(loop, handles);
    watcher_.Add(pipe_[1], 1, mmpy::kWritable);  // full
    watcher_.Add(pair_[0], 2, mmpy::kReadable | mmpy::kWritable);
  }

 private:
  void Step() {
    char buffer[4096];
    switch (step_++) {
      case 0:  // the socket could be written to, and the pipe could not
        watcher_.Change(pair_[0], 2, mmpy::kReadable);
        if (write(pair_[1], "x", 1) != 1) said += "?";
        break;
      case 1:  // it can be read, and that it can be written to is not asked for
        if (read(pair_[0], buffer, 1) != 1) said += "?";
        while (read(pipe_[0], buffer, sizeof(buffer)) > 0) {
        }
        break;
      case 2:  // now the pipe has room
        watcher_.Remove(pipe_[1]);
        watcher_.Change(pair_[0], 2, mmpy::kWritable);
        close(pair_[1]);
        break;
      default:  // the other end is closed
        said += "done";
        watcher_.Close();
    }
  }

  FdWatcher watcher_{*this};
  int pair_[2];
  int pipe_[2];
  int step_ = 0;
};

std::unique_ptr<Listener> listener;

void RunDescriptors() {
  listener = std::make_unique<Listener>();
  listener->Run();
}

template <void (*kRun)()>
napi_value Call(napi_env, napi_callback_info) {
  said.clear();
  kRun();
  return nullptr;
}

napi_value Said(napi_env env, napi_callback_info) {
  napi_value text = nullptr;
  napi_create_string_utf8(env, said.data(), said.size(), &text);
  return text;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_get_uv_event_loop(env, &loop);
  const std::pair<const char *, napi_callback> functions[] = {{"descriptors", Call<RunDescriptors>}, {"said", Said}};
  for (const auto &[name, function] : functions) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
  }
  return exports;
}
