// The channels of a python instance: their names, their last values, and the lookup from a name to a channel.
//
// Channels are never removed, not even when a reload fails: output on a channel that the mapping does not know is
// discarded.
#ifndef MMPY_CHANNELS_H
#define MMPY_CHANNELS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "instance/channel_table.h"
#include "instance/home.h"
#include "instance/name_cache.h"
#include "python/py_ref.h"

namespace mmpy {

class Channels {
 public:
  static constexpr uint32_t kNone = ChannelTable::kNone;
  static constexpr uint32_t kLookupFailed = kNone - 1;
  static constexpr uint32_t kNoPlace = UINT32_MAX;

  // All data of a channel that an event needs, in one place.
  struct Channel {
    PyRef handler;
    double input = 0.0;
    double output = 0.0;
    bool initial = false;             // output before the core runs, to be sent then
    bool is_handler_old = false;      // see Handlers::Take()
    bool clamped = false;             // a value outside of 0..1 was output, which has been reported
    uint32_t batch_place = kNoPlace;  // see Batches
  };

  // Why each output has to be examined before it is sent.
  enum Look : unsigned { kTrial = 1, kLookahead = 2, kUnmapped = 4 };

  explicit Channels(Home &home) : home_(home) {}

  // The channel named `name`, kNone, or kLookupFailed with an exception set.
  uint32_t Find(PyObject *name) {
    const uint32_t cached = name_cache_.Find(name, kNone);
    return cached != kNone ? cached : FindUncached(name);
  }

  // The same, for an output: a channel that does not exist is created while modules load, and causes a warning later.
  uint32_t FindOrCreate(PyObject *name) {
    const uint32_t found = Find(name);
    return found != kNone ? found : Create(name);
  }

  // Creates a channel, unless one with that name exists. Returns its index.
  uint32_t Add(std::string_view name);

  // From now on output() creates no channels: the mapping is being compiled.
  void Fix() { creating_ = false; }

  // The number of channels known to the mapping. The others belong to a reload, and become known later, or never if it
  // fails.
  void Connected(size_t mapped);
  size_t mapped() const { return mapped_; }

  void Begin() {
    creating_ = true;
    SetLook(kTrial, true);
  }
  void Commit() { End(); }
  void Rollback() { End(); }

  unsigned looks() const { return looks_; }
  void SetLook(Look why, bool look) { looks_ = look ? looks_ | why : looks_ & ~why; }

  Channel &operator[](uint32_t index) { return channels_[index]; }
  Channel *data() { return channels_.data(); }
  std::vector<Channel> &all() { return channels_; }
  size_t size() const { return channels_.size(); }

  const ChannelTable &table() const { return table_; }
  const NameCache &name_cache() const { return name_cache_; }
  std::string_view name(uint32_t index) const { return table_.name(index); }

  // The name as a Python string: the same object each time, which the name cache finds when user code outputs to it.
  // NULL with an exception set if there is not enough memory.
  PyObject *NameObject(uint32_t index);
  PyObject *Names() const;
  PyObject *Names(const std::vector<uint32_t> &indices) const;

  // Reports output on a channel that does not exist.
  void ReportUnknown(std::string_view name);

  // Whether it is to be reported that this value was output on a channel and clamped: once a channel, and not for what
  // computing a value may leave. Reports it.
  bool CountsAsClamped(uint32_t index, double value) const {
    constexpr double kNegligible = 1e-6;
    return (value < -kNegligible || value > 1.0 + kNegligible) && !channels_[index].clamped;
  }
  void ReportClamped(uint32_t index, double value) {
    if (index >= channels_.size() || !CountsAsClamped(index, value)) return;
    channels_[index].clamped = true;
    TellClamped(index, value);
  }

  // Releases everything but the table. Runs user code (__del__).
  void Clear();

  // Gives back what is left once nothing can ask any more.
  void Free();

  // Without releasing anything, for when the GIL can't be taken.
  void Abandon();

 private:
  void End() {
    creating_ = false;
    SetLook(kTrial, false);
  }
  uint32_t FindUncached(PyObject *name);
  uint32_t Create(PyObject *name);
  void TellClamped(uint32_t index, double value);

  Home &home_;
  NameCache name_cache_;
  std::vector<Channel> channels_;  // parallel to table_
  unsigned looks_ = 0;
  bool creating_ = true;
  size_t mapped_ = 0;
  ChannelTable table_;
  std::vector<PyRef> name_objects_;
  std::vector<std::string> unknown_;  // names that have caused a warning, sorted
};

}  // namespace mmpy

#endif
