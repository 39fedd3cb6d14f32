"""Stands in for the module `midimonster` where no router runs, so that modules can be imported and tested: in pytest, unittest
or a shell. It does what the real one does, as far as one instance can: `midimonster.testing` is the rest of the router.

It is pure Python. The functions' documentation is in midimonster.pyi; see docs/python-api.md, "Testing a module"."""

import sys as _sys

from ._batch import new_batch as _new_batch
from ._instance import current_instance as _instance
from ._reading import milliseconds as _milliseconds
from ._reading import number as _number
from ._reading import requires_callable as _requires_callable

__all__ = [
    "after",
    "batch",
    "channels",
    "checking",
    "cleanup_handler",
    "current",
    "inputvalue",
    "interval",
    "manage",
    "output",
    "outputvalue",
    "previous",
    "started",
    "task",
    "timestamp",
]

_WITHOUT = ": the name of a function, without parentheses behind it"


def output(name, value, /):
    given = _number(value)
    if given != given:
        raise ValueError("output() value must be a number from 0.0 to 1.0, not NaN")
    _instance().output(name, given)


def inputvalue(name, /):
    return _instance().channels.input_value(name)


def outputvalue(name, /):
    return _instance().channels.output_value(name)


def current():
    return _instance().current


def timestamp():
    return int(_instance().clock.now)


def interval(function, ms, /, *, exact=False):
    _requires_callable(function, "interval() requires a callable as its first argument" + _WITHOUT)
    exact = bool(exact)
    period = _milliseconds(ms, "interval() period must be 0 (to cancel) or a positive number of milliseconds")
    _instance().interval(function, period, exact)


def after(function, ms, /):
    _requires_callable(function, "after() requires a callable as its first argument" + _WITHOUT)
    delay = _milliseconds(ms, "after() time must be 0 (to cancel) or a positive number of milliseconds")
    _instance().after(function, delay)


def started(function, /):
    _requires_callable(function, "started() requires a callable" + _WITHOUT)
    _instance().started(function)


def manage(function, socket, /, read=None, write=False):
    interest = (("read",) if read else ()) + (("write",) if write else ())
    if not interest and read is not None:
        raise ValueError("manage() needs read or write to be true")
    if function is not None:
        _requires_callable(function, "manage() requires a callable or None as its first argument")
    if socket is None:
        raise TypeError("manage() requires a socket-like object as its second argument")
    _instance().manage(function, socket, interest)


def channels(direction=None, /):
    if direction not in (None, "input", "output"):
        kind = ValueError if isinstance(direction, str) else TypeError
        raise kind("channels() takes 'input' or 'output', not %r" % (direction,))
    return _instance().channels.names(direction)


def cleanup_handler(function, /):
    if function is not None:
        _requires_callable(function, "cleanup_handler() requires a callable or None")
    return _instance().cleanup_handler(function)


def batch(names, handler=None, /):
    if handler is not None:
        _requires_callable(handler, "batch() requires a callable or None as its second argument")
    return _new_batch(_instance(), names, handler)


def task(coroutine, /):
    return _instance().task(coroutine, _sys._getframe(1).f_globals)


def previous():
    return _instance().replaced.get(_sys._getframe(1).f_globals.get("__name__"))


def checking():
    return False
