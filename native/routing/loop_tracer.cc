#include "routing/loop_tracer.h"

#include <algorithm>
#include <utility>

namespace mmpy {

void LoopTracer::StartWatch(size_t &events) {
  remaining_ = events;
  sampling_ = false;
  // Later watches of a burst add to the edges already seen.
  if (events == kEventsToWatch) {
    effects_.clear();
    noted_.clear();
  }
  events = std::min(2 * events, kMaxToWatch);
}

void LoopTracer::Watch() {
  StartWatch(events_to_watch_);
  // With one event per round, a watch takes as many rounds as events.
  rounds_to_watch_ = std::max(2 * rounds_, kRoundsForAnEvent * events_to_watch_);
  slices_to_watch_ = std::max(2 * slices_, kSuspiciousSlices);
}

void LoopTracer::WatchProcesses() {
  StartWatch(hop_events_to_watch_);
  watches_processes_ = true;
  hops_to_watch_ = std::max(2 * hops_, static_cast<uint32_t>(kHopsForAnEvent * hop_events_to_watch_));
}

void LoopTracer::Rest() {
  if (!watches_processes_) remaining_ = 0;
  hops_ = 0;
  rounds_ = slices_ = 0;
  rounds_to_watch_ = kSuspiciousRounds;
  slices_to_watch_ = kSuspiciousSlices;
  events_to_watch_ = kEventsToWatch;
}

void LoopTracer::Forget() {
  watches_processes_ = false;
  hops_to_watch_ = kSuspiciousHops;
  hop_events_to_watch_ = kEventsToWatch;
  Rest();
  reported_.clear();
  loop_.clear();
}

void LoopTracer::Note(uint32_t cause, uint32_t effect) {
  if (noted_.insert(uint64_t{cause} << 32 | effect).second) effects_[cause].push_back(effect);
}

void LoopTracer::EndEvent() {
  // A loop that has not been taken yet comes first.
  if (--remaining_ > 0) return;
  watches_processes_ = false;
  if (!sampling_ && loop_.empty()) FindLoop();
}

// Depth-first search with an explicit stack; the first edge back to a channel on the current path closes a loop.
void LoopTracer::FindLoop() {
  struct Step {
    uint32_t channel;
    size_t next_effect;
  };
  std::vector<Step> path;
  std::unordered_map<uint32_t, size_t> places;  // index in the path, or kDone for a channel that has left it
  constexpr size_t kDone = SIZE_MAX;
  const auto enter = [&](uint32_t channel) {
    places[channel] = path.size();
    path.push_back({channel, 0});
  };
  for (const auto &entry : effects_) {
    if (places.count(entry.first) == 0) enter(entry.first);
    while (!path.empty()) {
      const auto found = effects_.find(path.back().channel);
      if (found == effects_.end() || path.back().next_effect == found->second.size()) {
        places[path.back().channel] = kDone;
        path.pop_back();
        continue;
      }
      const uint32_t effect = found->second[path.back().next_effect++];
      const auto place = places.find(effect);
      if (place == places.end()) {
        enter(effect);
        continue;
      }
      if (place->second == kDone || reported_.count(effect) != 0) continue;  // leads nowhere, or to a known loop
      for (size_t i = place->second; i < path.size(); ++i) {
        loop_.push_back(path[i].channel);
        reported_.insert(path[i].channel);
      }
      return;
    }
  }
}

std::vector<uint32_t> LoopTracer::TakeLoop() { return std::exchange(loop_, {}); }

}  // namespace mmpy
