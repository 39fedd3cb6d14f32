// A libuv loop of a test's own, and descriptors to watch.
#ifndef MMPY_TEST_LOOP_H
#define MMPY_TEST_LOOP_H

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

namespace mmpy::test {

class Loop {
 public:
  enum class Waits { kNo, kYes };

  // One that waits says so by uv_backend_timeout(); Turn() never does.
  explicit Loop(Waits waits = Waits::kNo) {
    EXPECT_EQ(uv_loop_init(&loop_), 0);
    EXPECT_EQ(uv_idle_init(&loop_, &idle_), 0);
    // Keeps the loop alive, and from waiting.
    if (waits == Waits::kNo) {
      EXPECT_EQ(uv_idle_start(&idle_, [](uv_idle_t *) {}), 0);
    }
    EXPECT_EQ(uv_timer_init(&loop_, &timer_), 0);
    EXPECT_EQ(uv_timer_start(
                  &timer_, [](uv_timer_t *) {}, uint64_t{1} << 40, 0),
              0);
  }
  ~Loop() {
    uv_close(reinterpret_cast<uv_handle_t *>(&idle_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t *>(&timer_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle is still open";
  }
  Loop(const Loop &) = delete;
  Loop &operator=(const Loop &) = delete;

  // One iteration: of what is ready everything, of what was closed the callbacks.
  void Turn() { uv_run(&loop_, UV_RUN_NOWAIT); }
  uv_loop_t *get() { return &loop_; }

 private:
  uv_loop_t loop_;
  uv_idle_t idle_;
  uv_timer_t timer_;
};

// The reading end can be read after Write(), and until Read().
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    CloseReader();
    CloseWriter();
  }
  Pipe(const Pipe &) = delete;
  Pipe &operator=(const Pipe &) = delete;

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void Write() { EXPECT_EQ(write(ends_[1], "x", 1), 1); }
  void Read() {
    char byte;
    EXPECT_EQ(read(ends_[0], &byte, 1), 1);
  }
  void CloseReader() { Close(ends_[0]); }
  void CloseWriter() { Close(ends_[1]); }

 private:
  static void Close(int &end) {
    if (end >= 0) close(end);
    end = -1;
  }

  int ends_[2] = {-1, -1};
};

// Two sockets, what is written to one of which can be read from the other.
class SocketPair {
 public:
  SocketPair() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0);
    for (const int end : ends_) fcntl(end, F_SETFL, O_NONBLOCK);
  }
  ~SocketPair() {
    CloseOne();
    CloseOther();
  }
  SocketPair(const SocketPair &) = delete;
  SocketPair &operator=(const SocketPair &) = delete;

  int one() const { return ends_[0]; }

  // One cannot be written to after Fill(), until Empty().
  void Fill() {
    const char block[4096] = {};
    while (write(ends_[0], block, sizeof(block)) > 0) continue;
  }
  void Empty() {
    char block[4096];
    while (read(ends_[1], block, sizeof(block)) > 0) continue;
  }

  // One can be read after Answer(), until Read().
  void Answer() { EXPECT_EQ(write(ends_[1], "x", 1), 1); }
  void Read() {
    char byte;
    EXPECT_EQ(read(ends_[0], &byte, 1), 1);
  }

  void CloseOne() { Close(ends_[0]); }
  void CloseOther() { Close(ends_[1]); }

 private:
  static void Close(int &end) {
    if (end >= 0) close(end);
    end = -1;
  }

  int ends_[2] = {-1, -1};
};

}  // namespace mmpy::test

#endif
