// The handlers of a python instance: finding those named by its mapped channels, and calling them.
#ifndef MMPY_HANDLERS_H
#define MMPY_HANDLERS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "instance/batches.h"
#include "instance/channels.h"
#include "instance/home.h"
#include "instance/lookahead.h"
#include "python/py_ref.h"

namespace mmpy {

// A channel whose name does not lead to a function that can be its handler. The search stops after this many: each
// needs a list of all possible candidates.
constexpr size_t kMaxResolveErrors = 1000;
struct ResolveError {
  uint32_t channel;                     // index within the instance; kNone for the default handler
  std::string problem;                  // empty: only a hint, as its name without a dot calls nothing
  std::vector<std::string> candidates;  // names that may have been meant
  std::vector<std::string> advice;      // what to do, in lines
};

class Handlers {
 public:
  Handlers(Home &home, Channels &channels, Batches &batches) : home_(home), channels_(channels), batches_(batches) {}

  // Finds the handlers of these channels; Take() then replaces the previous ones by them. Names without a dot and
  // without a function of their own get `default_handler`, if not empty.
  std::vector<ResolveError> Resolve(const std::vector<uint32_t> &channels, const std::string &default_handler);
  void Take();

  // Whether any channel has one.
  bool any() const { return any_; }

  void Deliver(const Event *events, size_t count, ChannelId first_channel);

  // The channel whose handler is running, or Channels::kNone.
  uint32_t current() const { return current_; }

  // The running handler outputs to this name. To be called if Channels::looks().
  void NoteOutput(PyObject *name) {
    if (lookahead_.active() && current_ != Channels::kNone) lookahead_.Note(current_, name);
  }

  // In a reload: the new versions' handlers are dropped if it fails.
  void Begin() {}
  void Commit() {}
  void Rollback() { const Found found = std::exchange(found_, {}); }

  // Releasing them runs user code (__del__). Installed handlers belong to the channels.
  void Clear();
  void Abandon();

 private:
  using Found = std::vector<std::pair<uint32_t, PyRef>>;

  PyRef ResolveOne(std::string_view name, uint32_t channel, std::vector<ResolveError> &errors);
  void LookAhead();
  template <bool kLookAhead>
  void DeliverEvents(const Event *events, size_t count, ChannelId first_channel);
  [[gnu::noinline, gnu::cold]] void ReportHandlerException(uint32_t channel, double value);
  [[gnu::noinline]] void TakeResult(uint32_t channel, double value, PyObject *result);

  Home &home_;
  Channels &channels_;
  Batches &batches_;
  const Watchdog::Running as_running_ = home_.AsRunning("handler", nullptr);
  Lookahead lookahead_;
  uint32_t current_ = Channels::kNone;
  bool any_ = false;
  Found found_;       // by channel, not installed yet
  size_t hints_ = 0;  // of the present search
};

}  // namespace mmpy

#endif
