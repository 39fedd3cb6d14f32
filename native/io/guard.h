// Where C calls C++: libuv, Node-API, CPython. No C++ exception may leave there; most are std::bad_alloc.
#ifndef MMPY_GUARD_H
#define MMPY_GUARD_H

#include <exception>
#include <new>
#include <utility>

namespace mmpy {

// Does the work. What an exception says goes to `tell`, which throws none.
template <typename Work, typename Tell>
void Guard(Work &&work, Tell &&tell) noexcept {
  try {
    std::forward<Work>(work)();
  } catch (const std::bad_alloc &) {
    tell("out of memory");
  } catch (const std::exception &exception) {
    tell(exception.what());
  } catch (...) {
    tell("an unknown C++ exception");
  }
}

}  // namespace mmpy

#endif
