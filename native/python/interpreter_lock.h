// The GIL, as the core takes it: with the thread state of one instance's interpreter.
#ifndef MMPY_INTERPRETER_LOCK_H
#define MMPY_INTERPRETER_LOCK_H

#include "python/interpreter.h"
#include "python/runtime.h"
#include "routing/code_lock.h"

namespace mmpy {

class InterpreterLock final : public CodeLock {
 public:
  InterpreterLock(PythonRuntime &runtime, const Interpreter &interpreter)
      : runtime_(runtime), interpreter_(interpreter) {}

  bool usable() const override { return interpreter_.state() != nullptr; }

  void Take() override {
    runtime_.gil().SwitchTo(interpreter_.state());
    runtime_.ShareEnvironment();
  }

  void Release() override { runtime_.gil().Release(); }

  bool HasThreads() const override { return interpreter_.OtherThreadsExist(); }

  void AwaitObservers() override { runtime_.watchdog().Await(); }

  uint64_t requests() const override { return runtime_.gil_requests().made(); }

 private:
  PythonRuntime &runtime_;
  const Interpreter &interpreter_;
};

}  // namespace mmpy

#endif
