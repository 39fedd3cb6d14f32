// A python instance: its interpreter, and what user code registered in it - channels, handlers, intervals, sockets.
//
// Teardown order: the cleanup handler in CleanUp(); in Stop() sockets, every reference into the interpreter, then the
// interpreter.
#ifndef MMPY_PYTHON_INSTANCE_H
#define MMPY_PYTHON_INSTANCE_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instance/channel_batch.h"
#include "instance/channel_table.h"
#include "instance/lookahead.h"
#include "instance/managed_sockets.h"
#include "instance/name_cache.h"
#include "instance/reload.h"
#include "python/interpreter.h"
#include "python/interpreter_lock.h"
#include "python/module.h"
#include "python/py_ref.h"
#include "routing/core.h"

// The type that the module's C functions know (module.h).
struct mmpy_instance {};

namespace mmpy {

// A channel whose name does not lead to a function. After so many no more are looked for: each takes a list of all that
// may have been meant.
constexpr size_t kMostResolveErrors = 1000;
struct ResolveError {
  uint32_t channel;  // index within the instance
  std::string problem;
  std::vector<std::string> candidates;  // names that may have been meant
};

class PythonInstance final : public mmpy_instance, public Destination {
 public:
  PythonInstance(Core &core, InstanceId id);
  ~PythonInstance() override;

  // Creates the interpreter. Returns an error text, or "".
  std::string Start(const std::string &name, const std::string &folder, const std::string &argument);

  // Runs what a `module` option names, with `folder` as the working directory for that time. Returns what it
  // raised, if it did.
  std::optional<PythonException> LoadModule(const std::string &value, const std::string &folder);

  // Makes a channel, unless there is one of that name. Returns its index.
  uint32_t AddChannel(std::string_view name);
  const ChannelTable &channels() const { return names_; }

  // From here on output() creates none: the mapping is being made.
  void FixChannels() { creating_ = false; }
  // The mapping may have none for it any more: then nothing that is output goes anywhere.
  void Connected(ChannelId first, size_t count) override {
    first_channel_ = first;
    routed_ = count;
    if (count < names_.size()) started_ = false;
    DecideNoting();
  }

  // Finds the handlers of the channels that are mapped to; TakeHandlers() then puts them in place of those before.
  // Undotted names without a function of their own get `default_handler`, if not empty. A failing default handler is
  // reported with channel == ChannelTable::kNone.
  std::vector<ResolveError> Resolve(const std::vector<uint32_t> &channels, const std::string &default_handler);

  void TakeHandlers() override;

  // Watches sockets, and emits what was output while modules loaded.
  void Begin() override;

  // Reloading; see reload.h. Within a Core::Entry. All that user code does between BeginReload() and EndReload() is put
  // off or can be undone: `keep` says which.
  void BeginReload();
  struct Reloaded {
    std::vector<std::string> modules;          // those that were loaded again
    std::optional<PythonException> exception;  // of the one that failed
  };
  Reloaded ReloadChanged();
  void EndReload(bool keep);

  // The files of the modules that user code consists of.
  std::vector<std::string> SourceFiles();

  // Runs the cleanup handler and releases everything but the interpreter itself, which ends with the core: extension
  // modules of others may depend on it.
  void Retire() override;
  void RunInterval(uint32_t interval);

  void Deliver(const Event *events, size_t count) override;

  // Calls the handlers of batches.
  void FinishRound() override;

  // As ManagedSockets::DropClosed.
  bool Housekeep() override;

  void CleanUp() override;

  // The main interpreter's thread state is current afterwards.
  bool Stop() override;
  void Abandon() override;

  CodeLock *code() override { return &lock_; }
  PyThreadState *state() const { return interpreter_.state(); }

  // For the watchdog, which holds the GIL with a thread state of this interpreter while user code is at rest in the
  // middle: reports what runs; writes it to standard error; makes what RaiseInThread() needs to end it, for the reason
  // that it has run for `limit_ms`, or that the process is to stop if that is 0.
  PyInterpreterState *interpreter_state() const { return interpreter_.interpreter_state(); }
  void ReportSlow(const Watchdog::Running &running, uint64_t elapsed_ms);
  void TellStuck(const Watchdog::Running &running, uint64_t elapsed_ms, Watchdog::Tell as);
  PyRef Interruption(const Watchdog::Running &running, uint64_t limit_ms);

  // An exception that nobody could catch, in a finalizer or on a Python thread. From any thread that holds the GIL.
  void ReportUncaught(std::string role, std::string subject, PythonException raised);

  // The module's functions; see module.h.
  int Output(PyObject *name, double value);
  PyObject *InputValue(PyObject *name);
  PyObject *OutputValue(PyObject *name);
  PyObject *Current();
  unsigned long long Timestamp() const { return core_.now_ms(); }
  int Interval(PyObject *function, unsigned long long period_ms);
  int Manage(PyObject *function, PyObject *socket);
  int Unmanage(PyObject *socket);
  PyObject *Channels() const;
  PyObject *CleanupHandler(PyObject *function);
  PyObject *Previous();
  PyObject *NewBatch(PyObject *names, PyObject *handler);
  PyObject *RegisterBatch(PyObject *names, PyObject *object, PyObject *handler, PyObject *memory);
  int OutputBatch(size_t number);
  PyObject *ChangedInBatch(size_t number) const;
  void ForgetBatch(size_t number);

 private:
  static constexpr uint32_t kNoPlace = UINT32_MAX;
  struct Channel {
    PyRef handler;
    double input = 0.0;
    double output = 0.0;
    bool initial = false;  // output while modules loaded, to be sent at start
    uint32_t batch_place = kNoPlace;
  };
  static constexpr uint32_t kLookupFailed = ChannelTable::kNone - 1;
  // A channel's place in a batch, and in the next batch that it is in; or a free one, and the next free one.
  struct BatchPlace {
    uint32_t batch;
    uint32_t position;
    uint32_t next;
  };
  bool HasBatchHandler(const Channel &channel) const;
  void NoteInBatches(const Channel &channel, double value);
  PyRef CallReloading(const char *function, PyObject *first = nullptr, PyObject *second = nullptr);
  bool Belongs(PyObject *function, PyObject *modules);
  void UndoReload(Reload &reload);
  void DropReplaced(const Reload &reload);
  uint32_t NewBatchPlace(const BatchPlace &place);
  ChannelBatch *FindBatch(size_t number) const;
  template <bool kLookAhead>
  void DeliverEvents(const Event *events, size_t count);
  void LookAhead();
  void DecideNoting();
  [[gnu::noinline]] bool NoteOutput(PyObject *name, uint32_t index, double value);
  // The index of the channel that `name` names, kNone, or kLookupFailed with an exception set.
  uint32_t FindChannel(PyObject *name) {
    const uint32_t cached = name_cache_.Find(name, ChannelTable::kNone);
    return cached != ChannelTable::kNone ? cached : FindUncached(name);
  }
  uint32_t FindUncached(PyObject *name);
  bool FindOrCreate(PyObject *name, uint32_t *index);
  [[gnu::noinline, gnu::cold]] void ReportHandlerException(uint32_t channel, double value);
  void ReportUnknown(std::string_view name);
  bool RefuseIfStopped() const;
  std::string NameOf(const Watchdog::Running &running);
  void Unlink();
  void DropReferences();

  Core &core_;
  const InstanceId id_;
  std::string name_;  // the configuration's, for messages
  Gil &gil_;
  Watchdog &watchdog_;
  const Watchdog::Running as_running_ = {this, "handler", nullptr};
  Interpreter interpreter_;
  InterpreterLock lock_;
  mmpy_link *link_ = nullptr;  // owned by the capsule
  PyRef capsule_;
  ChannelTable names_;
  NameCache name_cache_;
  std::vector<PyRef> current_names_;  // what Current() has returned, by channel
  std::vector<Channel> channels_;     // parallel to names_
  Lookahead lookahead_;
  std::vector<std::pair<uint32_t, PyRef>> found_handlers_;  // by channel, not in their places yet
  ChannelId first_channel_ = 0;
  size_t routed_ = 0;  // channels that the mapping table knows; those of a reload come later, or never if it fails
  uint32_t current_ = ChannelTable::kNone;
  bool creating_ = true;        // output() creates channels
  bool started_ = false;        // output() sends
  bool notes_outputs_ = false;  // NoteOutput() is to be asked: of three reasons one bit, for the event path
  bool retired_ = false;
  std::unique_ptr<Reload> reload_;  // while it is under way
  uint32_t next_interval_ = 0;
  std::vector<IntervalEntry> intervals_;
  ManagedSockets sockets_;
  PyRef cleanup_handler_;
  std::vector<std::unique_ptr<ChannelBatch>> batches_;  // NULL where one has been forgotten
  std::vector<uint32_t> free_batches_;
  std::vector<BatchPlace> batch_places_;
  uint32_t free_place_ = kNoPlace;
  std::vector<uint32_t> batches_due_;  // with events in this round
  std::vector<std::string> unknown_;   // names that were warned of, sorted
};

}  // namespace mmpy

#endif
