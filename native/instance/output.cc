#include "instance/output.h"

#include <utility>

namespace mmpy {

bool Output::Defer(uint32_t index, double value) {
  if (home_.on_trial()) {
    deferred_.emplace_back(index, value);
    return true;
  }
  if (!started_ || index < channels_.mapped()) return false;
  if (!home_.reloading) channels_.ReportUnknown(channels_.name(index));
  return true;
}

void Output::Send(const std::vector<uint32_t> &indices, const double *values) {
  if (home_.on_trial()) {
    for (size_t i = 0; i < indices.size(); ++i) deferred_.emplace_back(indices[i], values[i]);
    return;
  }
  for (size_t i = 0; i < indices.size(); ++i) channels_[indices[i]].output = values[i];
  if (!started_) {
    for (const uint32_t index : indices) channels_[index].initial = true;
    return;
  }
  if (channels_.size() == channels_.mapped()) {
    sent_ += indices.size();
    core_.Emit(first_channel_, indices.data(), values, indices.size());
  } else {
    for (size_t i = 0; i < indices.size(); ++i) {
      if (indices[i] >= channels_.mapped()) continue;
      ++sent_;
      core_.Emit(first_channel_ + indices[i], values[i]);
    }
  }
  home_.WakeCore();
}

void Output::SendInitial(uint32_t index) {
  if (!std::exchange(channels_[index].initial, false) || index >= channels_.mapped()) return;
  ++sent_;
  core_.Emit(first_channel_ + index, channels_[index].output);
}

void Output::Start() {
  started_ = true;
  for (uint32_t i = 0; i < channels_.size(); ++i) SendInitial(i);
}

// As at the start: only a channel's last value.
void Output::Commit() {
  const auto deferred = std::exchange(deferred_, {});
  for (const auto &[index, value] : deferred) {
    channels_[index].output = value;
    channels_[index].initial = true;
  }
  if (!started_) return;
  for (const auto &[index, value] : deferred) SendInitial(index);
}

}  // namespace mmpy
