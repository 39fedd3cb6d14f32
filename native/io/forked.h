/*
 * Processes that user code forks off. A forked child is a copy of this one with a single thread, in the middle of a
 * call of user code: it must not go on routing, nor change what it shares with its parent. So from its first moment on
 * it is marked, without its copies of the epoll sets and without our signal handlers, which write to pipes that it
 * shares; and it ends where the user code returns.
 */
#ifndef MMPY_FORKED_H
#define MMPY_FORKED_H

#ifdef __cplusplus
extern "C" {
#endif

/* 1 in a forked child. Written before anything else runs in it. */
extern __attribute__((visibility("hidden"))) int mmpy_forked;

/* Ends a forked child, as a program ends; to be called where user code has returned, with the GIL if `holds_gil`. */
void mmpy_end_forked(int holds_gil) __attribute__((noreturn));

#ifdef __cplusplus
}

namespace mmpy {

inline bool InForkedChild() { return mmpy_forked != 0; }

// A core entry, or a call of user code that is no event's handler, is over.
inline void EndIfForked() {
  if (InForkedChild()) mmpy_end_forked(1);
}

// Once per process, on the loop's thread. `begin` is called in every child at once, so it may only store values; `end`
// flushes what is buffered and returns the exit status.
struct ForkListener {
  void (*begin)();
  int (*end)(bool holds_gil);
};
void ListenToForks(const ForkListener &listener);

// Descriptors that a child is not to have: they refer to the same epoll set as the parent's.
void CloseInForkedChildren(int fd);
void KeepInForkedChildren(int fd);  // it is about to be closed

}  // namespace mmpy
#endif

#endif
