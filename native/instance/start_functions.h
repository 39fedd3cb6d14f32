// The functions that a python instance's code has registered to be called once everything runs. Those of a new version
// of a module are called when the reload has succeeded.
#ifndef MMPY_START_FUNCTIONS_H
#define MMPY_START_FUNCTIONS_H

#include <cstdint>
#include <vector>

#include "instance/home.h"
#include "python/py_ref.h"

namespace mmpy {

class StartFunctions {
 public:
  // The timer of one that is registered when everything runs already; intervals have smaller numbers.
  static constexpr uint32_t kTimer = UINT32_MAX;

  explicit StartFunctions(Home &home) : home_(home) {}

  // midimonster.started(); 0, or -1 with an exception set.
  int Add(PyObject *function);

  // Everything runs: calls them, in order of registration.
  void Run();

  void Begin() { on_trial_.clear(); }
  void Commit();
  void Rollback();

  // Releasing them runs user code (__del__).
  void Clear();

  // Without releasing anything, for when the GIL can't be taken.
  void Abandon();

 private:
  Home &home_;
  bool running_ = false;
  std::vector<PyRef> waiting_;
  std::vector<PyRef> on_trial_;
};

}  // namespace mmpy

#endif
