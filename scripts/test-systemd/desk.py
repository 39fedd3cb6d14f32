"""What can go well and badly in a service."""

import ctypes
import os
import time

import midimonster

last = 0.0
hung = False


def level(value):
    global last
    last = value
    print("level", value)
    midimonster.output("out", value)


def fail(value):
    raise ValueError("no such level")


def hang(value):
    global hung
    hung = True
    print("hanging once more" if os.path.exists("/var/lib/mmpy/crashed") else "hanging")
    while True:
        pass


def crash(value):
    with open("/var/lib/mmpy/crashed", "w"):
        pass
    ctypes.string_at(0)


def save():
    end = time.monotonic() + 5
    while hung and time.monotonic() < end:
        pass
    with open("/var/lib/mmpy/saved", "w") as file:
        file.write("the level was %s" % last)


midimonster.cleanup_handler(save)
