"""The main interpreter, which one instance after the other uses. It does not end with one, so what user code has left is
removed, and what it has changed is changed back; modules of the standard library and of packages stay, with their state.

`kept` is a dictionary that outlives instances.
"""

import sys

from .baseline import note_state, restore_hooks, restore_state
from .exitfunctions import record_exit_functions, register_again, run_again
from .libraries import reset_libraries
from .native import after_fork, environment, is_forked, kept
from .threads import other_threads
from .uncaught import report
from .userspace import forget_user_modules


def enter():
    """Makes the interpreter ready for an instance."""
    assert kept is not None
    if "state" not in kept:
        kept["changed modules"] = set()
        kept["end_child"] = end_child
        _prepare_once()
        kept["state"] = note_state()
    _read_environment()


def leave():
    """Leaves it for the next instance. No thread is left but those that would not end."""
    assert kept is not None
    import gc
    import threading

    kept["threads left"] = other_threads(threading) + [one for one in kept.get("threads left", ()) if one.is_alive()]
    # The state first, since the others need sound builtins, and last, since finalizers are user code too.
    steps = (restore_state, forget_user_modules, run_again, reset_libraries, register_again, gc.collect, restore_state)
    for step in steps:
        try:
            step()
        except BaseException as error:  # user code may have put anything anywhere
            report("callback", "the end of the instance", error)
    restore_hooks()  # finalizers have run


def _prepare_once():
    # Imported by the loop's thread, which so becomes threading.main_thread().
    import os
    import threading  # noqa: F401

    os.register_at_fork(after_in_child=after_fork)
    record_exit_functions()
    _refuse_signals()


def _refuse_signals():
    """Signals are Node's. These raise the exception that they raise in every other interpreter; not in forked children."""
    import _signal  # type: ignore[import-not-found]

    signal = sys.modules.get("signal")  # a .pth file may have imported it

    def refuse(name, is_harmless=lambda *_: False):
        original = getattr(_signal, name)

        def function(*arguments, **options):
            if not is_forked() and not is_harmless(*arguments):
                raise ValueError("%s only works in main thread of the main interpreter; signals are handled by Node" % name)
            return original(*arguments, **options)

        function.__name__ = name
        function.__doc__ = original.__doc__
        setattr(_signal, name, function)
        if signal is not None and getattr(signal, name, None) is original:
            setattr(signal, name, function)

    refuse("signal")
    refuse("siginterrupt")
    # asyncio clears it after a fork, and at a loop's end.
    refuse("set_wakeup_fd", lambda *arguments: arguments == (-1,))


def _read_environment():
    """os.environ as of now: variables may have been changed outside Python since `os` was imported."""
    import os

    data = getattr(os.environ, "_data")
    data.clear()
    for variable in environment():
        name, found, value = variable.partition(b"=")
        if found and name:
            data[name] = value


def _await_threads():
    """Those that the child itself has started."""
    import threading

    for thread in threading.enumerate():
        if thread.ident != threading.get_ident() and not thread.daemon:
            thread.join()


def end_child(error):
    """Ends a forked child as a program ends. Returns its exit status."""
    status = 0
    try:
        if isinstance(error, SystemExit):
            code = error.code
            if isinstance(code, int):
                status = code & 0xFF
            elif code is not None:
                status = 1
                print(code, file=sys.stderr)
        elif error is not None:
            status = 1
            sys.excepthook(type(error), error, error.__traceback__)
        _await_threads()
    except BaseException:
        status = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:
            status = status or 120  # as CPython
    finish = None if kept is None else kept.get("finish_streams")
    if finish is not None:
        finish()
    return status
