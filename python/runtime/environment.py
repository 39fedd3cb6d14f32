"""The environment of user code: sys.path, sys.argv, os.environ and standard streams."""

import sys

from .native import kept, share_environment
from .processes import follow_processes


def prepare(folder, argument):
    if kept is not None:
        from .main import enter

        enter()
    follow_processes()
    sys.path.insert(0, folder)
    sys.argv = [argument]
    _follow_environment()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # the stream is None if its descriptor is closed
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")


def _follow_environment():
    # os.environ looks these two up by name in `os`.
    import os

    if kept is not None:
        if "putenv" in kept:
            return  # an earlier instance did it
        kept["putenv"] = True

    def following(change):
        def changed(*arguments):
            change(*arguments)
            share_environment()

        changed.__name__ = change.__name__
        changed.__doc__ = change.__doc__
        return changed

    os.putenv = following(os.putenv)
    os.unsetenv = following(os.unsetenv)
