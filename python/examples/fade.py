"""Follows its input smoothly: a full sweep takes FADE_TIME."""

import midimonster

FADE_TIME = 2000  # ms
STEP = 20  # ms


def target(value: float) -> None:
    global goal
    goal = value
    midimonster.interval(step, STEP)


def step() -> None:
    global level
    max_change = STEP / FADE_TIME
    level += max(-max_change, min(max_change, goal - level))
    midimonster.output("level", level)
    if level == goal:
        midimonster.interval(step, 0)  # until the next target


# When this file is loaded again after a change, the last values are still there: the fade goes on from where it was.
level = midimonster.outputvalue("level") or 0.0
goal = midimonster.inputvalue("fade.target") or 0.0
if level != goal:
    midimonster.interval(step, STEP)
