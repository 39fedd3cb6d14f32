// Makes a second SIGINT or SIGTERM end the process at once, whatever the loop's thread is doing.
//
// Node's own handlers run in JavaScript, so while Python code runs for long a signal only waits. The first one should:
// it stops the router in order. The second one must not.
#ifndef MMPY_STOP_SIGNALS_H
#define MMPY_STOP_SIGNALS_H

namespace mmpy {

// To be called once Node's handlers are in place; they get the first signal. When Node takes its handlers away, this
// goes with them.
void EndOnSecondSignal();

// Whether the first one has come. From any thread.
bool StopSignalSeen();

}  // namespace mmpy

#endif
