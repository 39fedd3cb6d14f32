// Looking at feedback loops that were found.
#ifndef MMPY_TEST_LOOPS_H
#define MMPY_TEST_LOOPS_H

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace mmpy::test {

// Which channels the handling of a channel's event emits on.
using Effects = std::map<uint32_t, std::vector<uint32_t>>;

inline bool LeadsTo(const Effects &effects, uint32_t cause, uint32_t effect) {
  const auto found = effects.find(cause);
  return found != effects.end() && std::count(found->second.begin(), found->second.end(), effect) > 0;
}

// The same loop, beginning with its lowest channel.
inline std::vector<uint32_t> FromLowest(std::vector<uint32_t> loop) {
  std::rotate(loop.begin(), std::min_element(loop.begin(), loop.end()), loop.end());
  return loop;
}

// Whether each channel really leads to the next one, and none is in it twice.
inline testing::AssertionResult IsLoopOf(const Effects &effects, const std::vector<uint32_t> &loop) {
  if (loop.empty()) return testing::AssertionFailure() << "no loop";
  if (std::set<uint32_t>(loop.begin(), loop.end()).size() != loop.size()) {
    return testing::AssertionFailure() << "a channel is in it twice";
  }
  for (size_t i = 0; i < loop.size(); ++i) {
    const uint32_t next = loop[(i + 1) % loop.size()];
    if (!LeadsTo(effects, loop[i], next)) {
      return testing::AssertionFailure() << "channel " << loop[i] << " does not lead to channel " << next;
    }
  }
  return testing::AssertionSuccess();
}

// A ring of channels, each of which leads to the next one.
inline Effects Ring(uint32_t first, uint32_t count) {
  Effects effects;
  for (uint32_t i = 0; i < count; ++i) effects[first + i] = {first + (i + 1) % count};
  return effects;
}

}  // namespace mmpy::test

#endif
