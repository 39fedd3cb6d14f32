// The last value of every channel and how often it had an event, for monitors: while it is open an event costs one
// cache line and a bit, while it is closed nothing. It is read a few times a second: what has changed since.
//
// A channel that is output and delivered has one row for both.
#ifndef MMPY_LIVE_TABLE_H
#define MMPY_LIVE_TABLE_H

#include <uv.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "routing/event_buffer.h"

namespace mmpy {

class LiveTable {
 public:
  struct Row {
    double value = std::numeric_limits<double>::quiet_NaN();  // not known before the first event
    float moved = 0;                                          // the sum of all changes, since it was taken
    uint32_t count = 0;                                       // of events, since the table was opened
  };
  struct Sample {
    ChannelId channel;
    uint64_t time_ns;  // of uv_hrtime()
    double value;
  };
  // Of a watched channel between two calls of TakeSamples(): of more, the last one is kept up to date.
  static constexpr size_t kMaxSamples = 10;
  static constexpr size_t kMaxWatched = 64;

  bool is_open() const { return is_open_; }

  // Throws std::bad_alloc, with everything as before.
  void Open(size_t channels) {
    Rows rows(channels);
    std::vector<uint64_t> changed(Words(channels));
    watched_.clear();
    rows_ = std::move(rows);
    changed_ = std::move(changed);
    is_open_ = true;
  }

  // Gives its memory back.
  void Close() {
    is_open_ = false;
    Rows().swap(rows_);
    std::vector<uint64_t>().swap(changed_);
    std::vector<Watched>().swap(watched_);
  }

  void Note(ChannelId channel, double value) {
    Row &row = rows_[channel];
    const double before = row.value;
    row.moved += static_cast<float>(std::abs(value - (before == before ? before : 0.0)));
    row.value = value;
    ++row.count;
    changed_[channel / kBits] |= uint64_t{1} << (channel % kBits);
    if (!watched_.empty()) NoteSample(channel, value);
  }
  void Note(const Event *events, size_t count) {
    for (size_t i = 0; i < count; ++i) Note(events[i].channel, events[i].value);
  }

  // Passes rows that have changed to take(channel, row) until it returns false; that one stays changed.
  template <typename Take>
  void TakeChanges(Take &&take) {
    for (size_t word = 0; word < changed_.size(); ++word) {
      while (changed_[word] != 0) {
        const auto bit = static_cast<unsigned>(__builtin_ctzll(changed_[word]));
        const size_t channel = word * kBits + bit;
        if (!take(static_cast<ChannelId>(channel), rows_[channel])) return;
        rows_[channel].moved = 0;
        changed_[word] &= changed_[word] - 1;
      }
    }
  }

  // Of these channels, every event is kept with its time, within limits. Throws std::bad_alloc, with everything as
  // before.
  void Watch(const std::vector<ChannelId> &channels) {
    std::vector<Watched> watched;
    for (const ChannelId channel : channels) {
      if (watched.size() < kMaxWatched && channel < rows_.size()) watched.push_back({channel, 0, {}});
    }
    watched_ = std::move(watched);
  }
  template <typename Take>
  void TakeSamples(Take &&take) {
    for (Watched &one : watched_) {
      for (size_t i = 0; i < one.count; ++i) take(one.samples[i]);
      one.count = 0;
    }
  }

  // Another numbering of channels, in two steps: what may lack memory, and what can't fail. number(old) returns the new
  // number, or one that is too high for a channel that is gone. All rows that are known count as changed, and nothing
  // is watched any more.
  using Rows = std::vector<Row>;
  template <typename Number>
  std::pair<Rows, std::vector<uint64_t>> Prepare(size_t channels, Number &&number) const {
    std::pair<Rows, std::vector<uint64_t>> next;
    if (!is_open_) return next;
    next.first.resize(channels);
    next.second.resize(Words(channels));
    for (size_t old = 0; old < rows_.size(); ++old) {
      const ChannelId channel = number(static_cast<ChannelId>(old));
      if (channel >= channels || rows_[old].count == 0) continue;
      next.first[channel] = rows_[old];
      next.second[channel / kBits] |= uint64_t{1} << (channel % kBits);
    }
    return next;
  }
  void Install(std::pair<Rows, std::vector<uint64_t>> next) {
    rows_ = std::move(next.first);
    changed_ = std::move(next.second);
    watched_.clear();
  }

 private:
  static constexpr size_t kBits = 64;
  static size_t Words(size_t channels) { return (channels + kBits - 1) / kBits; }

  struct Watched {
    ChannelId channel;
    size_t count;
    Sample samples[kMaxSamples];
  };

  [[gnu::noinline]] void NoteSample(ChannelId channel, double value) {
    for (Watched &one : watched_) {
      if (one.channel != channel) continue;
      if (one.count < kMaxSamples) ++one.count;
      one.samples[one.count - 1] = {channel, uv_hrtime(), value};
    }
  }

  bool is_open_ = false;
  Rows rows_;
  std::vector<uint64_t> changed_;  // a bit for each
  std::vector<Watched> watched_;
};

}  // namespace mmpy

#endif
