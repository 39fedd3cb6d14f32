"""Ending an interpreter, or releasing all user code in one that has to stay."""

import sys

from .modules import source_of
from .names import file_of


def must_stay():
    """True if the interpreter must not end: it has an extension module of which others may get a copy that refers to it.

    CPython keeps a module that does not support several interpreters until the process ends: importing numpy 1 again after
    its first interpreter has ended crashes, as does curses with CPython 3.12.1."""
    for name, module in list(sys.modules.items()):
        path = file_of(module)
        if path is not None and path.endswith(".so") and ("/lib-dynload/" not in path or name == "_curses"):
            return True
    return None


def forget_modules():
    """Releases user code: runs its objects' finalizers and closes its sockets."""
    import gc

    for name in list(sys.modules):
        if source_of(sys.modules[name]) is not None:
            del sys.modules[name]
    gc.collect()
