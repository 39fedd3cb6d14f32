"""A low-frequency oscillator: outputs a sine wave on the channel `wave`."""

import math

import midimonster

PERIOD = 4000  # ms
STEP = 40  # ms


def step() -> None:
    phase = midimonster.timestamp() % PERIOD / PERIOD
    midimonster.output("wave", 0.5 - 0.5 * math.cos(2 * math.pi * phase))


midimonster.interval(step, STEP)
