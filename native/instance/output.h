// What a python instance outputs: where it goes, and when. Before the core runs, the last value of each channel waits
// for that; what a new version of a module outputs while it is loaded waits until it is known whether it stays.
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
      return;
    }
    core_.Emit(first_channel_ + index, value);
    if (!core_.entered()) core_.Wake();  // a Python thread, while the core idles
  }

  // To be asked before, where Channels::looks(). Returns whether the value is dealt with.
  [[gnu::noinline]] bool Defer(uint32_t index, double value);

  // Several channels at once.
  void Send(const std::vector<uint32_t> &indices, const double *values);

  // The mapping has the instance's channels from here on. Fewer than there are: then nothing is sent any more.
  void Connected(ChannelId first, size_t count) {
    first_channel_ = first;
    if (count < channels_.size()) started_ = false;
  }
  ChannelId first_channel() const { return first_channel_; }

  // Sends what has waited for the core to run.
  void Start();
  bool started() const { return started_; }

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
  std::vector<std::pair<uint32_t, double>> deferred_;  // channels and values, in order
};

}  // namespace mmpy

#endif
