"""Passes batches on, and creates some that last for one round."""

import counts
import midimonster
from counts import chance, now_and_then

NUMBERS = range(1, 17)


def frame(faders):
    dimmers.output(faders.inputs)
    counts.counts["frames"] += 1
    counts.counts["changed"] += len(faders.changed())
    if chance() < 0.1:
        midimonster.batch(["b%d" % number for number in NUMBERS]).outputs[0] = 1
    now_and_then()


faders = midimonster.batch(["a%d" % number for number in NUMBERS], frame)
dimmers = midimonster.batch(["b%d" % number for number in NUMBERS])


def report(value):
    counts.report("desk")
