// SIGINT and SIGTERM, noticed also while Python code keeps the loop's thread busy.
//
// Node's own handlers run in JavaScript, so while Python code runs for a long time a signal only waits. The first one
// may wait: it stops the router cleanly. A later one must not: it ends the process at once.
#ifndef MMPY_STOP_SIGNALS_H
#define MMPY_STOP_SIGNALS_H

#include <cstdint>

namespace mmpy {

// Within this time after the first signal, others count as the same one: npm and npx pass on what a terminal has
// already sent to all of its processes, and so does timeout.
constexpr uint64_t kSameSignalMs = 500;

// To be called once Node's handlers are installed; they get the first signal. When Node removes its handlers, it
// removes this one with them.
void EndOnSecondSignal();

// In an instance's process signals are the router's: `stops` says whether the router stops the instance, which counts
// as a signal from then on. It is called from any thread.
void FollowStop(bool (*stops)());

// Whether the first one has arrived. May be called from any thread.
bool StopSignalSeen();

// Its name, once it has arrived.
const char *StopSignalName();

}  // namespace mmpy

#endif
