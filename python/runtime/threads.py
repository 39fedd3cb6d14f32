"""Ending the threads of an interpreter."""

import sys
from _thread import get_ident

from .names import type_name
from .native import kept, raise_in_thread
from .uncaught import name_of_thread, report

LOOP_THREAD = get_ident()  # the thread that loads this module and calls handlers

THREAD_TIMEOUT = 2.0  # seconds that ordinary threads get to end at shutdown
INTERRUPT_TIMEOUT = 0.5  # seconds that threads get to react to SystemExit


def stop_threads():
    """Ends this interpreter's threads as far as possible; returns the names of the others."""
    import time

    def others():
        # Not imported for this: no descriptors may be left to read it with.
        threading = sys.modules.get("threading")
        return [] if threading is None else other_threads(threading)

    def join(threads, timeout):
        deadline = time.monotonic() + timeout
        for thread in threads:
            try:
                thread.join(max(0.0, deadline - time.monotonic()))
            except BaseException as error:  # user code may have overridden join()
                report("thread", name_of_thread(thread), error)

    _release_pools()
    join([thread for thread in others() if not thread.daemon], THREAD_TIMEOUT)
    _run_exit_functions()
    stubborn = others()
    for thread in stubborn:
        if thread.ident is not None:
            raise_in_thread((thread.ident, SystemExit))
    join([thread for thread in stubborn if type_name(type(thread)) != "_DummyThread"], INTERRUPT_TIMEOUT)
    return [name_of_thread(thread) for thread in others()]


def other_threads(threading):
    """The threads besides the loop's, without those that an earlier instance has left in the main interpreter."""
    left = kept.get("threads left", ()) if kept is not None else ()
    return [thread for thread in threading.enumerate() if thread.ident != LOOP_THREAD and thread not in left]


def _run_exit_functions():
    # They may start threads, with which the interpreter can't be ended, so they run before threads are ended.
    import atexit

    try:
        atexit._run_exitfuncs()
    except BaseException as error:  # only CPython 3.9 raises the last one
        report("exit function", "(unnamed)", error)


def _release_pools():
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
