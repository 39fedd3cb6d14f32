"""Ending the threads of an interpreter: the steps, each of which is taken in all interpreters that end before the next, so
that their threads end at the same time. How long to wait is for the caller to say."""

import sys
from _thread import get_ident

from .names import type_name
from .native import kept, raise_in_thread
from .uncaught import name_of_thread, report

LOOP_THREAD = get_ident()  # the thread that loads this module and calls handlers


def release_thread_pools():
    # Idle workers of concurrent.futures wait forever, as does the thread that looks after a pool of processes; this makes
    # them end, without waiting for them.
    futures = sys.modules.get("concurrent.futures.thread")
    queues = getattr(futures, "_threads_queues", None)
    if futures is not None and queues is not None:
        setattr(futures, "_shutdown", True)
        for queue in list(queues.values()):
            queue.put(None)
    futures = sys.modules.get("concurrent.futures.process")
    wakeups = getattr(futures, "_threads_wakeups", None)
    if futures is not None and wakeups is not None:
        setattr(futures, "_global_shutdown", True)
        for wakeup in list(wakeups.values()):
            try:
                wakeup.wakeup()
            except OSError:
                pass  # it is closed, so its thread ends


def join_ordinary_threads(seconds):
    import time

    deadline = time.monotonic() + seconds
    _join([thread for thread in _others() if not thread.daemon], seconds)
    if "multiprocessing.process" in sys.modules:
        from .children import join_children

        join_children(deadline)


def run_exit_functions():
    # They may start threads, with which the interpreter can't be ended, so they run before threads are ended.
    import atexit

    try:
        atexit._run_exitfuncs()
    except BaseException as error:  # only CPython 3.9 raises the last one
        report("exit function", "(unnamed)", error)


def interrupt_threads():
    for thread in _others():
        if thread.ident is not None:
            raise_in_thread((thread.ident, SystemExit))


def threads_left(seconds):
    """Waits for the threads that were interrupted; returns the names of those that do not end."""
    _join([thread for thread in _others() if type_name(type(thread)) != "_DummyThread"], seconds)
    return [name_of_thread(thread) for thread in _others()]


def _others():
    # Not imported for this: no descriptors may be left to read it with.
    threading = sys.modules.get("threading")
    return [] if threading is None else other_threads(threading)


def other_threads(threading):
    """The threads besides the loop's, without those that an earlier instance has left in the main interpreter."""
    left = kept.get("threads left", ()) if kept is not None else ()
    return [thread for thread in threading.enumerate() if thread.ident != LOOP_THREAD and thread not in left]


def _join(threads, seconds):
    import time

    deadline = time.monotonic() + seconds
    for thread in threads:
        try:
            thread.join(max(0.0, deadline - time.monotonic()))
        except BaseException as error:  # user code may have overridden join()
            report("thread", name_of_thread(thread), error)
