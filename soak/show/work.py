"""Passes events on, and raises occasionally."""

import counts
import midimonster
from counts import now_and_then


def key(value):
    midimonster.output("v" + midimonster.current()[1:], value)
    counts.counts["keys"] += 1
    now_and_then()


def tick(value):
    counts.counts["ticks"] += 1
    now_and_then()


def said(value):
    counts.counts["said"] += 1


def passed(value):
    counts.counts["passed"] += 1


def report(value):
    counts.report("work")
