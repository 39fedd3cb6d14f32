"""Ending an interpreter, or all of user code in one that has to stay."""

import sys

from .modules import source_of
from .names import file_of


def must_stay():
    """True if the interpreter must not end: it has an extension module that others may get a copy of which refers to it.

    CPython keeps a module that is not made for several interpreters for the whole process: importing numpy 1 again after its
    first interpreter has ended crashes, and so does curses of CPython 3.12.1."""
    for name, module in list(sys.modules.items()):
        path = file_of(module)
        if path is not None and path.endswith(".so") and ("/lib-dynload/" not in path or name == "_curses"):
            return True
    return None


def forget_modules():
    """Releases user code, whose objects' finalizers run and whose sockets close."""
    import gc

    for name in list(sys.modules):
        if source_of(sys.modules[name]) is not None:
            del sys.modules[name]
    gc.collect()
