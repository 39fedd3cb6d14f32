// The numbers of which the state of a pair with filters consists.
#ifndef MMPY_FILTER_STATE_H
#define MMPY_FILTER_STATE_H

#include <limits>

namespace mmpy {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

inline bool IsKnown(double number) { return number == number; }
inline bool IsSet(double flag) { return flag == 1.0; }

// Places in the state of an operation.
struct Rate {
  enum { kLast, kPending, kQueued };
};
struct Smooth {
  enum { kPresent, kGoal, kMoved, kGliding, kListed };
};
struct Fade {
  enum { kFrom, kGoal, kStarted, kGliding, kListed, kQueued };
};
struct Delay {
  enum { kHead, kTail, kQueued };
};
struct Debounce {
  enum { kPending, kDue, kQueued };
};

}  // namespace mmpy

#endif
