"""Ending the threads of an interpreter."""

import sys
from _thread import get_ident

from .names import type_name
from .native import raise_in_thread
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
        return [] if threading is None else [thread for thread in threading.enumerate() if thread.ident != LOOP_THREAD]

    def join(threads, timeout):
        deadline = time.monotonic() + timeout
        for thread in threads:
            try:
                thread.join(max(0.0, deadline - time.monotonic()))
            except BaseException as error:  # user code may have overridden join()
                report("thread", name_of_thread(thread), error)

    _release_thread_pools()
    join([thread for thread in others() if not thread.daemon], THREAD_TIMEOUT)
    _run_exit_functions()
    stubborn = others()
    for thread in stubborn:
        if thread.ident is not None:
            raise_in_thread((thread.ident, SystemExit))
    join([thread for thread in stubborn if type_name(type(thread)) != "_DummyThread"], INTERRUPT_TIMEOUT)
    return [name_of_thread(thread) for thread in others()]


def _run_exit_functions():
    # They may start threads, with which the interpreter can't be ended, so they run before threads are ended.
    import atexit

    try:
        atexit._run_exitfuncs()
    except BaseException as error:  # only CPython 3.9 raises the last one
        report("exit function", "(unnamed)", error)


def _release_thread_pools():
    # Idle workers of concurrent.futures wait forever; this makes them end, without waiting for them.
    futures = sys.modules.get("concurrent.futures.thread")
    queues = getattr(futures, "_threads_queues", None)
    if futures is not None and queues is not None:
        setattr(futures, "_shutdown", True)
        for queue in list(queues.values()):
            queue.put(None)
