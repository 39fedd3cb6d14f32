// A libuv loop of a test's own, and descriptors to watch.
#ifndef MMPY_TEST_LOOP_H
#define MMPY_TEST_LOOP_H

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <uv.h>

namespace mmpy::test {

class Loop {
 public:
  Loop() {
    EXPECT_EQ(uv_loop_init(&loop_), 0);
    EXPECT_EQ(uv_idle_init(&loop_, &idle_), 0);
    // Keeps the loop alive, and from waiting.
    EXPECT_EQ(uv_idle_start(&idle_, [](uv_idle_t *) {}), 0);
  }
  ~Loop() {
    uv_close(reinterpret_cast<uv_handle_t *>(&idle_), nullptr);
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

}  // namespace mmpy::test

#endif
