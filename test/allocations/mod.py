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
# CPython 3.13 itself does not survive each failed allocation: PyFunction_NewWithQualName() uses a function that it did not get.
WITH_PYTHON = sys.version_info < (3, 12)


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
    counts = [0, 0] if name in LEFT_OUT else [each(lambda: functions.call(name), python) for python in (0, 1)[: 1 + WITH_PYTHON]]
    print(name, *counts, flush=True)
    midimonster.output("done", 1)


class Odd(Exception):
    pass


def raising(value):
    """From here on the n-th fails: in what becomes of an exception."""
    fail(round(value * 1000), 0)
    raise Odd("so that it is reported")


def arm(value):
    fail(round(value * 10000), 0)


def disarms(value):
    midimonster.output("fired", disarm())


near, far = socket.socketpair()


def reads(sock):
    sock.recv(1)
    raise Odd("in a socket function")


midimonster.manage(reads, near)
if not WITH_PYTHON:
    print("SKIPPED: failing allocations of CPython itself, from 3.12 on")


def to_socket(value):
    far.send(b"x")


def on_b(batch):
    raise Odd("in a batch")


kept = midimonster.batch(["b1", "b2", "b3"], on_b)
