// Makes a second SIGINT or SIGTERM end the process at once, whatever the loop's thread is doing.
//
// Node's own handlers run in JavaScript, so while Python code runs for a long time a signal only waits. The first one
// may wait: it stops the router cleanly. The second one must not.
#ifndef MMPY_STOP_SIGNALS_H
#define MMPY_STOP_SIGNALS_H

namespace mmpy {

// To be called once Node's handlers are installed; they get the first signal. When Node removes its handlers, it
// removes this one with them.
void EndOnSecondSignal();

// Whether the first one has arrived. May be called from any thread.
bool StopSignalSeen();

}  // namespace mmpy

#endif
