// For places where C calls C++: libuv, Node-API, CPython. No C++ exception may leave them; most are std::bad_alloc.
#ifndef MMPY_GUARD_H
#define MMPY_GUARD_H

#include <exception>
#include <new>
#include <utility>

namespace mmpy {

// Does the work. Passes an exception's message to `report`, which must not throw.
template <typename Work, typename Report>
void Guard(Work &&work, Report &&report) noexcept {
  try {
    std::forward<Work>(work)();
  } catch (const std::bad_alloc &) {
    report("out of memory");
  } catch (const std::exception &exception) {
    report(exception.what());
  } catch (...) {
    report("an unknown C++ exception");
  }
}

}  // namespace mmpy

#endif
