"""Functions that the watchdog's thread calls while user code is suspended. That lasts as long as CPython lets a thread run,
some milliseconds: state of that moment is read first."""

import sys

from .exceptions import is_user_code
from .threads import LOOP_THREAD

# The outermost frames of an instance's own process, those of child.py, which is passed as text.
CHILD = [("<string>", "<lambda>"), ("<string>", "<module>")]


def running_stack():
    """The position of the loop's thread, formatted as in a traceback, without the frames of this package and of imports."""
    stack = []
    frame = sys._current_frames().get(LOOP_THREAD)
    while frame is not None:
        if _is_step(frame):
            break  # what asyncio does around a task says nothing
        if is_user_code(frame):
            stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back

    if [(file, name) for file, _, name in stack[-2:]] == CHILD:
        del stack[-2:]

    import traceback

    return "".join(traceback.format_list(traceback.FrameSummary(*place) for place in reversed(stack))).rstrip("\n")


def _is_step(frame):
    return frame.f_code.co_name == "_run" and dict.get(frame.f_globals, "__name__") == "asyncio.events"


def interruption(name, message):
    """The loop's thread, and the exception that ends the code running on it. Not an Exception, so that `except Exception`
    does not catch it. None while no user code runs that it could end: it would hit what follows a function written in C,
    or this package."""
    kind = type(name, (BaseException,), {"__module__": "midimonster", "__str__": lambda self: message})
    frame = sys._current_frames().get(LOOP_THREAD)
    return (LOOP_THREAD, kind) if frame is not None and not _is_ours(frame) else None


def _is_ours(frame):
    package = dict.get(frame.f_globals, "__package__")
    return type(package) is str and package == __package__
