#include "loop_tracer.h"

#include <algorithm>
#include <utility>

namespace mmpy {

void LoopTracer::Watch() {
  watched_this_burst_ = true;
  remaining_ = kEventsToWatch;
  effects_.clear();
}

void LoopTracer::Rest() {
  watched_this_burst_ = false;
  remaining_ = 0;
}

void LoopTracer::Forget() {
  Rest();
  reported_.clear();
  loop_.clear();
}

void LoopTracer::Note(uint32_t cause, uint32_t effect) {
  std::vector<uint32_t> &effects = effects_[cause];
  if (std::find(effects.begin(), effects.end(), effect) == effects.end()) effects.push_back(effect);
}

void LoopTracer::EndEvent() {
  if (--remaining_ == 0) FindLoop();
}

// Depth-first search with an explicit stack; the first edge back to a channel on the current path closes a loop.
void LoopTracer::FindLoop() {
  struct Step {
    uint32_t channel;
    size_t next_effect;
  };
  std::unordered_set<uint32_t> done;
  for (const auto &entry : effects_) {
    std::vector<Step> path;
    if (done.count(entry.first) == 0) path.push_back({entry.first, 0});
    while (!path.empty()) {
      const auto found = effects_.find(path.back().channel);
      if (found == effects_.end() || path.back().next_effect == found->second.size()) {
        done.insert(path.back().channel);
        path.pop_back();
        continue;
      }
      const uint32_t effect = found->second[path.back().next_effect++];
      const auto back =
          std::find_if(path.begin(), path.end(), [&](const Step &step) { return step.channel == effect; });
      if (back == path.end()) {
        if (done.count(effect) == 0) path.push_back({effect, 0});
        continue;
      }
      if (reported_.count(effect) != 0) continue;  // that loop is known
      for (auto step = back; step != path.end(); ++step) {
        loop_.push_back(step->channel);
        reported_.insert(step->channel);
      }
      return;
    }
  }
}

std::vector<uint32_t> LoopTracer::TakeLoop() { return std::exchange(loop_, {}); }

}  // namespace mmpy
