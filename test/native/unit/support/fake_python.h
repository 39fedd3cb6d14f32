// The few functions of libpython that PyRef and GilScope call, without libpython.
#ifndef MMPY_TEST_FAKE_PYTHON_H
#define MMPY_TEST_FAKE_PYTHON_H

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "python/api.h"

// Objects are opaque to the addon, so this is as good as CPython's. Of the size of a short string, or a multiple.
struct alignas(64) _object {
  size_t references = 0;
  size_t releases = 0;               // how often the last reference went
  std::function<void()> on_release;  // user code that runs then
};

namespace mmpy::test {

// Binds the functions while it lives.
class FakePython {
 public:
  FakePython();
  ~FakePython();
  FakePython(const FakePython &) = delete;
  FakePython &operator=(const FakePython &) = delete;

  // What was done with the GIL: `take 1`, `swap 2`, `give`; thread states go by the names that State() gives them.
  std::vector<std::string> gil_calls;

  // A thread state, of which only the address is known.
  static PyThreadState *State(int name);
};

// Strings that lie together in memory, from the begin of a page on.
class Strings {
 public:
  explicit Strings(size_t count);
  ~Strings();
  Strings(const Strings &) = delete;
  Strings &operator=(const Strings &) = delete;

  PyObject *operator[](size_t i) const { return objects_ + i; }
  size_t size() const { return count_; }
  size_t Alive() const;

  static constexpr size_t kPerPage = 4096 / sizeof(_object);

 private:
  PyObject *objects_;
  const size_t count_;
};

}  // namespace mmpy::test

#endif
