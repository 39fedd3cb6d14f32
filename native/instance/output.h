// The output of a python instance. Before the core runs, the last value of each channel waits for the start; output of
// a new version of a module while it is loaded waits until it is known whether the version stays.
#ifndef MMPY_OUTPUT_H
#define MMPY_OUTPUT_H

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "instance/channels.h"
#include "instance/home.h"

namespace mmpy {

class Output {
 public:
  Output(Home &home, Channels &channels) : home_(home), core_(home.core), channels_(channels) {}

  void Send(uint32_t index, double value) {
    channels_[index].output = value;
    if (!started_) {
      channels_[index].initial = true;
      ++early_;
      return;
    }
    ++sent_;
    core_.Emit(first_channel_ + index, value);
    if (!core_.entered()) core_.Wake();  // a Python thread, while the core is idle
  }

  // To be called first, if Channels::looks(). Returns whether the value has been handled.
  [[gnu::noinline]] bool Defer(uint32_t index, double value);

  // For several channels at once.
  void Send(const std::vector<uint32_t> &indices, const double *values);

  // The mapping contains the instance's channels from now on. If it has fewer, nothing is sent any more.
  void Connected(ChannelId first, size_t count) {
    first_channel_ = first;
    if (count < channels_.size()) started_ = false;
  }
  ChannelId first_channel() const { return first_channel_; }

  // Sends the values that have waited for the start.
  void Start();
  bool started() const { return started_; }
  // How many events it has output.
  uint64_t sent() const { return sent_; }
  // How many values have waited for the start.
  size_t early() const { return early_; }

  void Begin() { deferred_.clear(); }
  void Commit();
  void Rollback() { deferred_.clear(); }

 private:
  void SendInitial(uint32_t index);

  Home &home_;
  Core &core_;
  Channels &channels_;
  ChannelId first_channel_ = 0;
  bool started_ = false;
  uint64_t sent_ = 0;
  size_t early_ = 0;
  std::vector<std::pair<uint32_t, double>> deferred_;  // channels and values, in order
};

}  // namespace mmpy

#endif
