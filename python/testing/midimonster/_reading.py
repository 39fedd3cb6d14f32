"""Arguments, read as the real module reads them."""

import math

MAX_MS = 1e15


def number(value):
    """A float of anything with __float__ or __index__, but not of text."""
    return math.ldexp(value, 0)


def milliseconds(value, problem):
    ms = number(value)
    if not 0 <= ms < math.inf:
        raise ValueError(problem)
    return min(ms, MAX_MS)


def requires_callable(function, problem):
    if not callable(function):
        raise TypeError(problem)


def rounded(ms):
    """A period in ms as interval() rounds it."""
    return 0 if ms == 0 else max(10, math.floor((ms + 5) / 10) * 10)


def describe(function):
    """A short name for a function, for messages."""
    name = getattr(function, "__qualname__", None)
    return repr(function) if name is None else "%s.%s" % (function.__module__, name)
