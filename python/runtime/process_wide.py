"""Settings that belong to the whole process, of which some values would stop the other instances."""

import sys

MAX_SWITCH_INTERVAL = 0.005  # seconds; CPython's default

# In the main interpreter an earlier start may have replaced it.
_set_switch_interval = getattr(sys.setswitchinterval, "original", sys.setswitchinterval)


def guard():
    setswitchinterval.__doc__ = _set_switch_interval.__doc__
    setattr(setswitchinterval, "original", _set_switch_interval)
    sys.setswitchinterval = setswitchinterval


def setswitchinterval(interval, /):
    _set_switch_interval(interval)
    if sys.getswitchinterval() <= MAX_SWITCH_INTERVAL:
        return
    _set_switch_interval(MAX_SWITCH_INTERVAL)
    import warnings

    warnings.warn(
        "sys.setswitchinterval(%r): %g is used, since all instances wait for a thread that keeps the interpreter lock longer"
        % (interval, MAX_SWITCH_INTERVAL),
        RuntimeWarning,
        stacklevel=2,
    )
