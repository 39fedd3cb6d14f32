"""The end of processes that multiprocessing has started. Python itself waits without end for those that are not daemons; a router
that is to stop can't: they get the time that ordinary threads get, are then terminated, and killed if that does not end them."""

import sys
import time

from .logs import say
from .native import is_forked
from .uncaught import report

GRACE = 0.5  # seconds that they have to end once they are terminated

_deadline = None


def join_children(deadline):
    """Waits for those that are not daemons."""
    global _deadline
    _deadline = deadline
    process = sys.modules.get("multiprocessing.process")
    if process is not None and not is_forked():
        _join([child for child in process.active_children() if not child.daemon], deadline)


def end_children(active_children):
    """Instead of active_children() in multiprocessing's own exit function, which waits for the result."""
    children = active_children()
    # A forked child waits for its own ones as in any program.
    if _deadline is None or is_forked():
        return children
    for child in children:
        _try(child, child.terminate)
        if not child.daemon:
            say("warn", "", "process %r (pid %s) had not ended, and was terminated" % (child.name, child.pid))
    _join(children, time.monotonic() + GRACE)
    for child in children:
        if child.is_alive():
            _try(child, child.kill)
    _join(children, time.monotonic() + GRACE)
    return []


def _join(children, deadline):
    for child in children:
        _try(child, lambda: child.join(max(0.0, deadline - time.monotonic())))


def _try(child, function):
    try:
        function()
    except Exception as error:  # a class of user code
        report("process", str(child.name), error)
