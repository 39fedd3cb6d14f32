// What functions of user code return: nothing mostly, but a coroutine if they are `async def`.
#ifndef MMPY_RESULTS_H
#define MMPY_RESULTS_H

#include <optional>

#include "python/py_ref.h"

namespace mmpy {

class Results {
 public:
  virtual ~Results() = default;

  // Takes what a function of this role has returned, other than None: begins a coroutine, drops anything else.
  // `subject`, for messages, is the function, or a handler's channel as a str; `value` is an event's. May run any code,
  // reports its exceptions, and leaves none set. With the GIL, on the loop's thread, within a call that is watched.
  virtual void Take(PyRef result, const char *role, PyObject *subject, std::optional<double> value) = 0;

  // The cleanup handler is about to be called: what it begins gets time to end by itself.
  virtual void BeforeCleanup() {}
};

}  // namespace mmpy

#endif
