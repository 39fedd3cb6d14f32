// The loop of an instance's process, in place of libuv's, which belongs to Node. It implements the functions of libuv
// that native/ uses, for the types of uv.h, with what the process needs: one loop, on one thread.
#ifndef MMPY_CHILD_EVENT_LOOP_H
#define MMPY_CHILD_EVENT_LOOP_H

#include <uv.h>

#include <atomic>
#include <cstdint>

#include "io/loop_functions.h"

namespace mmpy {

// Those of libuv for it; the ones that only the router calls are NULL.
LoopFunctions ChildLoopFunctions();

// The one loop. Opens what it needs at the first call.
uv_loop_t *ChildLoop();

// Waits until a handle has something to do, and calls its callback: one turn of the loop. `busy_ms` is SteadyMs() at
// which it began to work, and 0 while it waits.
void RunChildLoopOnce(std::atomic<uint64_t> &busy_ms);

}  // namespace mmpy

#endif
