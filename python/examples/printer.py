"""Prints incoming events."""

import midimonster


def show(value: float) -> None:
    print("%s %.3f" % (midimonster.current(), value))
