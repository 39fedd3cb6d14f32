// Functions of libuv, and of the system, that fail at will.
#ifndef MMPY_TEST_UV_FAILURES_H
#define MMPY_TEST_UV_FAILURES_H

namespace mmpy::test {

struct UvFailures {
  bool poll_init = false;
  bool poll_start = false;
  int sendto_error = 0;  // an errno
};

inline UvFailures uv_failures;

}  // namespace mmpy::test

#endif
