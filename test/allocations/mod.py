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
# Functions of CPython that do not survive it by themselves, with the first and the last version.
LEFT_OUT_OF_CPYTHON = (
    ("Py_CompileStringObject", 9, 99),  # the parser uses what it did not get, the assembler frees twice
    ("_Py_NewInterpreter", 9, 11),  # ends the process
    ("Py_NewInterpreter", 12, 99),
    ("PyFunction_NewWithQualName", 12, 99),  # MAKE_FUNCTION then releases the code object twice
    # The table of names is then damaged.
    ("PyUnicode_InternFromString", 13, 13),
    ("PyUnicode_InternInPlace", 13, 13),
    ("_PyUnicode_InternImmortal", 13, 13),
    ("_PyUnicode_InternMortal", 13, 13),
)
for function, first, last in LEFT_OUT_OF_CPYTHON:
    if first <= sys.version_info[1] <= last and not ctypes.CDLL(None).leave_out(function.encode()):
        raise RuntimeError("CPython has no %s()" % function)


def disarm():
    while True:
        try:
            return fail(0, 0)
        except Exception:
            pass


def each(action, python):
    """Has the first, second, third allocation of an action fail, until there are no more; how many those are."""
    for n in range(1, MAX):
        raised = None
        try:
            fail(n, python)
            action()
        except Exception as error:
            raised = error
        if not disarm():
            return n - 1
        if "bootstrap code" in str(raised):
            print("MISLEADING:", raised, flush=True)
    return MAX


def within(value):
    """All of one function."""
    name = NAMES[round(value * 1000)]
    counts = [0, 0] if name in LEFT_OUT else [each(functions.FUNCTIONS[name], python) for python in (0, 1)]
    print(name, *counts, flush=True)
    midimonster.output("done", 1)


class Odd(Exception):
    pass


def raising(value):
    """From here on the n-th fails: in what becomes of an exception."""
    arm(value)
    raise Odd("so that it is reported")


def arm(value):
    """The n-th fails for n / 100,000,000; with CPython's for 0.5 + n / 100,000,000."""
    python = value >= 0.5
    fail(round((value - python / 2) * 1e8), python)


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
