"""Ending an interpreter, or releasing all user code in one that has to stay."""

import sys

from .extensions import imported
from .modules import source_of
from .names import namespace_of


def must_stay():
    """True if the interpreter must not end: it has an extension module of which others may get a copy that refers to it.

    CPython keeps a module that does not support several interpreters until the process ends: importing numpy 1 again after
    its first interpreter has ended crashes, as does curses with CPython 3.12.1."""
    for name, path in imported:
        if "/lib-dynload/" not in path or name == "_curses":
            return True
    return None


def forget_modules():
    """Releases user code: runs its objects' finalizers and closes its sockets."""
    import gc

    for name in list(sys.modules):
        if source_of(sys.modules[name]) is not None:
            del sys.modules[name]
    gc.collect()
    _stop_faulthandler()


def _stop_faulthandler():
    """Its timer and its signal handlers look into the interpreter that has set them, even after that has ended. There is only
    one timer in the process, and one handler for a signal, so another instance's may be meant; there is no way to tell."""
    namespace = namespace_of(sys.modules.get("faulthandler"))
    cancel = namespace.get("cancel_dump_traceback_later")
    if cancel is not None:
        cancel()
    unregister = namespace.get("unregister")  # not on all systems
    if unregister is None:
        return
    for signal in range(1, 65):
        try:
            unregister(signal)
        except (ValueError, RuntimeError, OSError):
            pass  # no such signal, or one that belongs to faulthandler.enable()


def refuse_threads():
    """From now on no thread can be started, as in CPython 3.12 and later while an interpreter ends: up to 3.11 the process
    crashes if a finalizer does."""
    import _thread

    def refuse(*arguments, **options):
        raise RuntimeError("can't start new thread at interpreter shutdown")

    for module in (_thread, sys.modules.get("threading")):
        for name in ("start_new_thread", "start_new", "_start_new_thread", "_start_joinable_thread"):
            if name in namespace_of(module):
                setattr(module, name, refuse)
