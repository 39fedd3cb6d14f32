"""What events.ts does 100,000 times: a function for each kind of event, and one that counts references."""

import functools
import gc
import linecache
import socket
import sys
import threading
import time

import midimonster

left = 0  # calls until this round is done


def calls(value):
    global left
    left = round(value * 2**32)


def finish():
    global left
    left -= 1
    if left == 0:
        midimonster.output("done", 1)


def nothing(value):
    pass


started = []  # threads


def count(value):
    while started:
        started.pop().join()
    linecache.clearcache()  # where the watchdog has told of a function, since the machine is busy
    # A cache that may hold the last reference to an interned name until another one takes its place; it counts as two.
    sys._clear_type_cache()
    gc.collect()
    midimonster.output("references", sys.gettotalrefcount() / 2**32)


# Handlers and outputs


def handler(value):
    midimonster.output("out", value)
    finish()


class Object:
    def method(self, value):
        finish()

    def __float__(self):
        return 0.5

    def __call__(self, value):
        finish()


an = Object()
partial = functools.partial(lambda factor, value: finish(), 2)


def fallback(value):
    midimonster.current()
    finish()


def names_made_at_run_time(value):
    end = "ut"
    midimonster.output("o" + end, value)
    midimonster.inputvalue("o" + end)
    midimonster.outputvalue("nowhere" + end)
    finish()


def values(value):
    midimonster.output("out", an)
    midimonster.output("out", 7)
    midimonster.output("nowhere", value)
    midimonster.timestamp()
    midimonster.channels()
    midimonster.outputvalue("nowhere")
    midimonster.inputvalue("out")
    finish()


class Unsound:
    def __float__(self):
        raise OSError("no value")

    def __eq__(self, other):
        raise OSError("no comparison")

    def __call__(self):
        pass


REFUSED = [
    lambda: midimonster.output("out", float("nan")),
    lambda: midimonster.output("out", "x"),
    lambda: midimonster.output("out", Unsound()),
    lambda: midimonster.output(7, 1),
    lambda: midimonster.output("out"),
    lambda: midimonster.output("half \udcff", 1),
    lambda: midimonster.inputvalue(None),
    lambda: midimonster.interval(nothing, -1),
    lambda: midimonster.interval(7, 1),
    lambda: midimonster.manage(nothing, 7),
    lambda: midimonster.manage(nothing, None),
    lambda: midimonster.manage(nothing, closed),
    lambda: midimonster.cleanup_handler(7),
    lambda: midimonster.batch([]),
    lambda: midimonster.batch(["o1", "nowhere"]),
    lambda: midimonster.batch([7]),
    lambda: outs.output([float("nan")] * 16),
]


def refused(value):
    for attempt in REFUSED:
        try:
            attempt()
        except (TypeError, ValueError, OSError, UnicodeError):
            continue
        raise AssertionError("was not refused")
    finish()


def cleanup_handlers(value):
    midimonster.cleanup_handler(lambda: close())
    finish()


# Exceptions


def raises(value):
    finish()
    raise ValueError(value)


class Unspeakable(Exception):
    def __str__(self):
        raise self


def raises_chained(value):
    finish()
    try:
        raise Unspeakable
    except Unspeakable as error:
        raise KeyError("x") from error


# Intervals

functions = []


def intervals(value):
    for _ in range(1000):
        functions.append(lambda: due())
        midimonster.interval(functions[-1], 10)


def due():
    if left == 1:
        while functions:
            midimonster.interval(functions.pop(), 0)
    if left > 0:
        finish()


def interval_changes(value):
    midimonster.interval(an.method, 10)  # a new object every time, equal to the last one
    midimonster.interval(an.method, 20)
    midimonster.interval(an.method, 0)
    finish()


# Sockets

near, far = socket.socketpair()
closed = socket.socket()
closed.close()


def close():
    near.close()
    far.close()


midimonster.cleanup_handler(close)


def sockets(value):
    midimonster.manage(readable, near)
    far.send(b"x")


def readable(sock):
    sock.recv(1)
    if left > 1:
        far.send(b"x")
    else:
        midimonster.manage(None, sock)
    finish()


def manage_changes(value):
    for end in (None, "close"):
        one, other = socket.socketpair()
        midimonster.manage(readable, one)
        midimonster.manage(lambda sock: None, one)
        if end == "close":
            one.close()  # noticed when its number is registered again
            one = socket.socket()
            midimonster.manage(readable, one)
        midimonster.manage(None, one)
        one.close()
        other.close()
    finish()


def socket_functions_that_raise(value):
    one, other = socket.socketpair()
    other.close()

    def fail(sock):  # ten times, then it is unregistered
        finish()
        raise OSError("can't read")

    midimonster.manage(fail, one)


# Batches; the outputs come back as inputs

NUMBERS = range(1, 17)


def frame(batch):
    if not batch.changed():
        return
    if left > 1:
        outs.output(batch.inputs)
    finish()


ins = midimonster.batch(["i%d" % number for number in NUMBERS], frame)
outs = midimonster.batch(["o%d" % number for number in NUMBERS])


def batches(value):
    outs.output([value] * 16)


def new_batches(value):
    batch = midimonster.batch(["a", "b", "c"])
    batch.output(iter([value, value, value]))
    finish()


# Threads: what they output comes back to tick(), since only one thread may count


def threads(value):
    def work():
        for _ in range(100):
            midimonster.output("tick", 1)

    started.append(threading.Thread(target=work))
    started[-1].start()


def tick(value):
    finish()


# The watchdog


def slow(value):
    end = time.monotonic() + 2.2
    while time.monotonic() < end:
        pass
    finish()


def endless(value):
    finish()
    while True:
        pass
