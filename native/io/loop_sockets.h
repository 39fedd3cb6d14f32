/*
 * Sockets and pipes that Node has open on an event loop. A forked child is a copy of the process with all of them:
 * while it lives, their ports stay in use, and a peer whose connection the parent closes does not notice.
 */
#ifndef MMPY_LOOP_SOCKETS_H
#define MMPY_LOOP_SOCKETS_H

#include <uv.h>

namespace mmpy {

// Tells which loop runs on the calling thread; NULL: it ends.
void SetLoopOfThread(uv_loop_t *loop);

// In a forked child only, which never runs the loop: closes this process's copies of what the loop has open, except for
// the standard streams. Of the loops of other threads it may have a copy of the list of handles in the middle of a
// change: there the kernel is asked what they poll, on Linux; what a loop does not poll at that moment (a connection
// that is paused, or was opened in this turn) stays open. Elsewhere nothing of theirs is closed.
void CloseLoopSocketsInChild();

}  // namespace mmpy

#endif
