// The asyncio tasks of a python instance: coroutines that its functions return, and those passed to midimonster.task().
//
// The instance has an event loop of asyncio's own (python/runtime/eventloop.py), of which only the waiting is replaced:
// it runs in steps, at the end of a stay in the core, as long as it has something ready; for what it waits for, libuv
// polls a copy of its selector's descriptor, and the core's alarm rings. Both are made for the first coroutine.
#ifndef MMPY_TASKS_H
#define MMPY_TASKS_H

#include <cstdint>
#include <optional>

#include "instance/home.h"
#include "io/uv_handle.h"
#include "python/py_ref.h"
#include "python/results.h"

namespace mmpy {

class Tasks final : public Results {
 public:
  explicit Tasks(Home &home) : home_(home) {}

  // midimonster.task(): a new reference to an asyncio.Task, or NULL with an exception set.
  PyObject *Make(PyObject *coroutine);

  void Take(PyRef result, const char *role, PyObject *subject, std::optional<double> value) override;

  void BeforeCleanup() override {
    cleans_up_ = true;
    if (step_) home_.interpreter.CallForEffect("begin_cleanup");
  }

  // The channel that the running task belongs to; a new reference to its name, or to None. NULL with an exception set.
  PyObject *Current() const;

  // Called once: from now on it steps.
  void Begin();

  // Runs what is ready, if anything is, for up to `budget_ns`. Returns whether more is.
  bool Step(uint64_t budget_ns);
  bool wants_step() const { return wants_step_; }

  // Wants a step if the time that it waits for has come. Returns the time for which it waits now, or kNever.
  uint64_t WakeStep(uint64_t now_ns);

  // The instance is about to end, its cleanup handler has been called: ends all tasks, cancelling them. Returns false
  // if there is nothing to wait for; otherwise Core::TasksEnded() follows.
  bool BeginEnd(uint64_t cleanup_until_ms);

  // Ends what is left at once. Runs user code.
  void Clear();

  // Without running or releasing anything, for when the GIL can't be taken.
  void Abandon();

  // For python/runtime/tasks.py.
  PyObject *TakeNext();                      // the next callback that is ready; NULL with an exception set
  uint64_t taken() const { return taken_; }  // how many so far
  void Request();                            // something is ready
  void Arm(double time_s);                   // a step is due at this time of time.monotonic()
  void Ended();                              // all tasks have ended
  // User code has closed the selector's descriptor: what was its copy is not watched any more; another selector is.
  void Forget();
  bool WatchAgain(int selector);  // false with an exception set

 private:
  bool Load();
  bool IsCoroutine(PyObject *result);
  bool TakeFunctions(PyObject *loaded);
  int KeepDescriptor(int selector);
  bool KeepOrRaise(int selector);
  int Watch() noexcept;
  void CloseDescriptor();
  void OnReady();

  Home &home_;
  bool cleans_up_ = false;   // the cleanup handler has begun
  bool begun_ = false;       // the instance runs
  bool wants_step_ = false;  // something is ready, or may be
  bool by_time_ = false;     // and that is a timer, as far as is known
  bool stepping_ = false;
  bool first_ = false;  // no callback has been taken in this step
  uint64_t step_until_ns_ = 0;
  uint64_t taken_ = 0;
  PyRef coroutine_types_[2];  // and of asynchronous generators, which nothing would ever run
  PyRef handler_role_;
  // Functions of python/runtime/tasks.py, once it is loaded.
  PyRef start_;
  PyRef step_;
  PyRef make_;
  PyRef channel_;  // the context variable of the channel
  PyRef next_;     // takes the next callback from the loop's queue
  PyRef pause_;    // the exception that ends a step
  int fd_ = -1;    // a copy of the selector's: libuv aborts if one that it polls is closed
  UvHandle<uv_poll_t> poll_;
  uint64_t due_ns_ = Core::kNever;  // the earliest time that it was armed for since the last step that came of one
};

}  // namespace mmpy

#endif
