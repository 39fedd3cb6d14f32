// A python instance: its interpreter, and the functions and objects registered by user code. Its parts implement how to
// begin, commit and roll back a reload, and how to be released and abandoned; this class determines the order.
//
// Reloading a running instance's modules: the new version of a module runs in the same interpreter, beside the old one,
// and may take over state from it. Until it is known whether everything succeeds - in this instance, in others, in the
// configuration - its actions are on trial: they have no effect yet, or can be undone. The event queue is held
// meanwhile, see Core::Hold(). Afterwards one of the versions is dropped. A registration belongs to the module that
// defines its function.
#ifndef MMPY_PYTHON_INSTANCE_H
#define MMPY_PYTHON_INSTANCE_H

#include <string>
#include <vector>

#include "instance/batches.h"
#include "instance/channels.h"
#include "instance/cleanup.h"
#include "instance/handlers.h"
#include "instance/home.h"
#include "instance/intervals.h"
#include "instance/managed_sockets.h"
#include "instance/output.h"
#include "instance/reports.h"
#include "instance/start_functions.h"
#include "instance/tasks.h"
#include "python/interpreter_lock.h"
#include "routing/core.h"

namespace mmpy {

class PythonInstance final : public mmpy_instance, public Destination {
 public:
  PythonInstance(Core &core, InstanceId id);
  ~PythonInstance() override;

  // Creates the interpreter, or takes the main one. Returns an error text, or "".
  std::string Start(Interpreter::Kind kind, const std::string &name, const std::string &folder,
                    const std::string &argument);

  // False before Create(), if it failed, and once the instance has been retired or stopped.
  bool usable() const { return state() != nullptr && !retired_; }

  // Loads the module named by a `module` option, with `folder` as the working directory meanwhile. Returns the
  // exception raised, if any.
  std::optional<PythonException> LoadModule(const std::string &value, const std::string &folder);

  // A number that changes whenever user code registers something, or outputs before the start.
  size_t activity() const { return registrations_ + output_.early() + channels_.table().size(); }
  // What a module named by a `module` option is for, as far as that is known. Nothing if it was not loaded, if it
  // started a thread while it loaded, or if other modules use it.
  struct Idle {
    std::string name;
    std::string file;
    long guard = 0;  // the line of `if __name__ == "__main__":`, or 0
  };
  std::optional<Idle> IdleModule(const std::string &value);

  uint32_t AddChannel(std::string_view name) { return channels_.Add(name); }
  const ChannelTable &channels() const { return channels_.table(); }

  // The following, up to the functions of a Destination, are to be called within a Core::Entry.

  // From now on output() creates no channels: the mapping is being compiled. In a reload, this also sets aside
  // registrations of old versions that new versions have not renewed.
  void FixChannels();

  std::vector<ResolveError> Resolve(const std::vector<uint32_t> &channels, const std::string &default_handler);

  // Compiles changed modules in advance of a reload. Returns the exception of a module that can't be compiled.
  std::optional<PythonException> ParseChanged();

  void BeginReload();
  struct Reloaded {
    std::vector<std::string> modules;          // names of the reloaded modules
    std::optional<PythonException> exception;  // of the module that failed
    struct Missing {
      std::string module;
      std::string file;
    };
    std::vector<Missing> missing;  // in use, but their files are gone
  };
  Reloaded ReloadChanged();
  // Keeps the new versions, or restores the old ones.
  void EndReload(bool keep);

  // The source files of user code.
  std::vector<std::string> SourceFiles();

  void RunInterval(uint32_t interval) {
    if (home_.ending) return;
    const TimedCode timed = Timed();
    intervals_.Run(interval);
  }

  // Functions of a Destination

  void Deliver(const Event *events, size_t count) override {
    // Without handlers it takes less time than reading the clock.
    const TimedCode timed(home_.core.timing() && !takes_whole_batches_, counters);
    handlers_.Deliver(events, count, output_.first_channel());
    deferred_ = batches_.due();
  }
  void FinishRound() override;
  void Connected(ChannelId first, size_t count) override;
  void TakeHandlers() override;
  void Begin() override;
  void Started() override;
  void OnTimer(uint32_t timer) override;
  bool wants_step() const override { return tasks_.wants_step(); }
  uint64_t WakeStep(uint64_t now_ns) override { return tasks_.WakeStep(now_ns); }
  bool Step(uint64_t budget_ns) override {
    const TimedCode timed = Timed();
    return usable() && tasks_.Step(budget_ns);
  }
  uint64_t events_out() const override { return output_.sent(); }
  bool Housekeep() override;
  void Retire(uint64_t until_ms) override;
  void CleanUp() override;
  bool BeginEnd(uint64_t cleanup_until_ms) override;
  void StopThreads(EndThreads step, uint64_t until_ms) override;
  bool Stop(uint64_t until_ms) override;
  void Abandon() override;
  CodeLock *code() override { return &lock_; }

  // See Reports::Tell().
  void Tell(Report report) { reports_.Tell(std::move(report)); }

  // The module's functions; see module.h.
  int Output(PyObject *name, double value) {
    const uint32_t index = channels_.FindOrCreate(name);
    if (index >= Channels::kLookupFailed) return index == Channels::kNone ? 0 : -1;
    if (channels_.looks() != 0) {
      handlers_.NoteOutput(name);
      if (output_.Defer(index, value)) return 0;
    }
    output_.Send(index, value);
    return 0;
  }
  void NoteClamped(PyObject *name, double value);
  PyObject *ChannelNames(mmpy_direction direction);
  PyObject *InputValue(PyObject *name);
  PyObject *OutputValue(PyObject *name);
  PyObject *Current();
  PyObject *Previous();
  Channels &channel_state() { return channels_; }
  Intervals &intervals() { return intervals_; }
  StartFunctions &start_functions() { return start_functions_; }
  ManagedSockets &sockets() { return sockets_; }
  Cleanup &cleanup() { return cleanup_; }
  Tasks &tasks() { return tasks_; }
  Batches &batches() { return batches_; }
  unsigned long long timestamp() const { return home_.core.now_ms(); }
  bool checking() const { return home_.core.checking(); }
  // For functions that register something.
  PythonInstance &Registering() {
    ++registrations_;
    return *this;
  }

 private:
  TimedCode Timed() { return TimedCode(home_.core.timing(), counters); }
  PyThreadState *state() const { return home_.interpreter.state(); }
  PyRef CallReloading(const char *function, PyObject *first = nullptr, PyObject *second = nullptr);
  bool SetUpOutput(const std::string &folder);
  void DropOld();
  Watchdog::Running AsLoading() const;
  void Unlink();
  void Clear();
  void ForgetModules();
  std::vector<std::string> AwaitThreads(uint64_t until_ms);
  void AwaitOthers();
  void ReportThreadsLeft(const std::vector<std::string> &names);

  // In order of dependency.
  Home home_;
  InterpreterLock lock_;
  Channels channels_;
  mmpy::Output output_;
  Batches batches_;
  Handlers handlers_;
  Reports reports_;
  Intervals intervals_;
  StartFunctions start_functions_;
  ManagedSockets sockets_;
  Cleanup cleanup_;
  Tasks tasks_;
  size_t registrations_ = 0;
  bool old_dropped_ = false;  // in this reload
  bool retired_ = false;
};

}  // namespace mmpy

#endif
