"""Functions that the watchdog's thread calls while user code is suspended. That lasts as long as CPython lets a thread run,
some milliseconds: state of that moment is read first."""

import sys

from .threads import LOOP_THREAD


def running_stack():
    """The position of the loop's thread, formatted as in a traceback."""
    stack = []
    frame = sys._current_frames().get(LOOP_THREAD)
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back

    import traceback

    return "".join(traceback.format_list(traceback.FrameSummary(*place) for place in reversed(stack))).rstrip("\n")


def print_stuck(subject, elapsed, format):
    """Writes a warning to standard error itself, in the log's format: the log waits for the loop's thread."""
    import os
    import time

    from .logs import visible

    message = "%s is still running after %d ms while everything else waits\n%s" % (subject, elapsed, running_stack())
    now = time.time()
    if format == "json":
        import json

        line = json.dumps({"level": 40, "time": int(now * 1000), "msg": message}).replace("\x7f", "\\u007f")
    elif format == "journal":
        line = "\n".join(["<4>" + part for part in ("WARN: " + visible(message)).split("\n")])
    else:
        line = "[%s.%03d] WARN: %s" % (time.strftime("%H:%M:%S", time.localtime(now)), now % 1 * 1000, visible(message))
    os.write(2, (line + "\n").encode("utf-8", "backslashreplace"))


def interruption(name, message):
    """The loop's thread, and the exception that ends the code running on it. Not an Exception, so that `except Exception`
    does not catch it."""
    kind = type(name, (BaseException,), {"__module__": "midimonster", "__str__": lambda self: message})
    return LOOP_THREAD, kind
