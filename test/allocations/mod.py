"""Lets allocations fail, one after the other: within functions of the module, and around what the core does by itself."""

import ctypes
import socket
import sys

import functions
import midimonster

fail = ctypes.CDLL(None).fail_allocation
fail.argtypes = [ctypes.c_long, ctypes.c_int]
NAMES = list(functions.FUNCTIONS)
# They make thousands of allocations, and none that others do not make too.
LEFT_OUT = ("output() of many names", "register() by hand", "a collection")
MAX = 500
# Whose allocations fail: 1 stands for CPython's too, 2 for all of those but that of a function, which CPython does not survive.
WITH_PYTHON = 1 if sys.version_info < (3, 12) else 2


def disarm():
    while True:
        try:
            return fail(0, 0)
        except Exception:
            pass


def each(action, python):
    """Has the first, second, third allocation of an action fail, until there are no more; how many those are."""
    for n in range(1, MAX):
        try:
            fail(n, python)
            action()
        except Exception:
            pass
        if not disarm():
            return n - 1
    return MAX


def within(value):
    """All of one function."""
    name = NAMES[round(value * 1000)]
    counts = [0, 0] if name in LEFT_OUT else [each(lambda: functions.call(name), python) for python in (0, WITH_PYTHON)]
    print(name, *counts, flush=True)
    midimonster.output("done", 1)


class Odd(Exception):
    pass


def raising(value):
    """From here on the n-th fails: in what becomes of an exception."""
    arm(value)
    raise Odd("so that it is reported")


def arm(value):
    """The n-th fails for n / 10,000; with CPython's for 0.5 + n / 10,000."""
    python = value >= 0.5
    fail(round((value - python / 2) * 10000), python * WITH_PYTHON)


had_failed = False


def disarms(value):
    """Called with 0, then with 1: what fails may be one of these calls."""
    global had_failed
    had_failed = disarm() or (value == 1 and had_failed)
    if value == 1:
        midimonster.output("fired", had_failed)


near, far = socket.socketpair()
far.setblocking(False)


def reads(sock):
    sock.recv(1)
    raise Odd("in a socket function")


midimonster.manage(reads, near)


def to_socket(value):
    midimonster.manage(reads, near)
    far.send(b"x")


def on_b(batch):
    raise Odd("in a batch")


kept = midimonster.batch(["b1", "b2", "b3"], on_b)
