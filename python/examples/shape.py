"""Transforms one channel into two: a curve that is gentle at the dark end, and its inverse."""

import midimonster


def curve(value: float) -> None:
    midimonster.output("curved", value**2.2)
    midimonster.output("inverted", 1 - value)
