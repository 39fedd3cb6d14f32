// A router with instances that write down what they get.
#ifndef MMPY_TEST_DESK_H
#define MMPY_TEST_DESK_H

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "routing/router.h"
#include "support/clock.h"

namespace mmpy::test {

// Channels count over all instances, those of each one behind those of the one before.
struct Layout {
  std::vector<uint32_t> channels;                      // how many, of each instance
  std::vector<std::pair<ChannelId, ChannelId>> lines;  // from, to

  std::vector<ChannelId> FirstChannels() const {
    std::vector<ChannelId> first;
    ChannelId next = 0;
    for (const uint32_t count : channels) {
      first.push_back(next);
      next += count;
    }
    return first;
  }

  void Install(Router &router) const {
    std::vector<InstanceId> owners;
    for (InstanceId id = 0; id < channels.size(); ++id) owners.insert(owners.end(), channels[id], id);
    std::vector<std::vector<Target>> rows(owners.size());
    for (const auto &[from, to] : lines) rows[from].push_back({to, owners[to]});
    std::vector<uint32_t> offsets{0};
    std::vector<Target> targets;
    for (const std::vector<Target> &row : rows) {
      targets.insert(targets.end(), row.begin(), row.end());
      offsets.push_back(static_cast<uint32_t>(targets.size()));
    }
    router.Connect(FirstChannels(), std::move(offsets), std::move(targets));
  }
};

enum class Batches { kPieces, kWhole };

class Desk;

class Probe final : public Destination {
 public:
  Probe(Desk &desk, InstanceId id, Batches batches) : desk_(desk), id_(id) {
    takes_whole_batches_ = batches == Batches::kWhole;
  }
  void Deliver(const Event *events, size_t count) override;
  void FinishRound() override;

  // Called at the end of the turn in which it is set.
  void FinishWith(std::function<void()> function) {
    finish_ = std::move(function);
    deferred_ = true;
  }

 private:
  Desk &desk_;
  const InstanceId id_;
  std::function<void()> finish_;
};

class Desk {
 public:
  static constexpr uint64_t kForever = UINT64_MAX;

  Desk(size_t instances, Batches batches) : batches_(batches) {
    for (size_t i = 0; i < instances; ++i) Add();
  }

  void Add() {
    probes_.push_back(std::make_unique<Probe>(*this, static_cast<InstanceId>(probes_.size()), batches_));
    router.AddInstance(probes_.back().get());
  }

  Probe &probe(InstanceId id) { return *probes_[id]; }

  // Called for each event that is delivered, which it may answer.
  std::function<void(InstanceId, const Event &)> on_event = [](InstanceId, const Event &) {};
  uint64_t event_ns = 0;  // how long that takes

  // The calls of Deliver() since the last time, as `instance: channel=value ...`.
  std::string Take() {
    std::string text;
    for (std::string &call : std::exchange(calls_, {})) text += (text.empty() ? "" : " | ") + call;
    return text;
  }
  // The same, without the calls: `channel=value ...`.
  std::string TakeEvents() {
    std::string text;
    for (std::string &call : std::exchange(calls_, {})) text += call.substr(call.find(' ') + (text.empty() ? 1 : 0));
    return text;
  }
  size_t delivered() const { return delivered_; }

  // Off where there are too many for that.
  bool writes_down = true;

  Router router;

 private:
  friend class Probe;

  void Deliver(InstanceId id, const Event *events, size_t count) {
    std::ostringstream call;
    call << id << ":";
    for (size_t i = 0; i < count; ++i) {
      if (writes_down) call << " " << events[i].channel << "=" << events[i].value;
      ++delivered_;
      AdvanceClock(event_ns);
      on_event(id, events[i]);
    }
    if (writes_down) calls_.push_back(call.str());
  }

  const Batches batches_;
  std::vector<std::unique_ptr<Probe>> probes_;
  std::vector<std::string> calls_;
  size_t delivered_ = 0;
};

inline void Probe::Deliver(const Event *events, size_t count) { desk_.Deliver(id_, events, count); }

inline void Probe::FinishRound() {
  deferred_ = false;
  if (desk_.writes_down) desk_.calls_.push_back(std::to_string(id_) + " finishes");
  std::exchange(finish_, nullptr)();
}

}  // namespace mmpy::test

#endif
