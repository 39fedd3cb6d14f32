"""Follows its input smoothly: a full sweep takes FADE_TIME."""

import midimonster

FADE_TIME = 2000  # ms
STEP = 20  # ms

level = 0.0
goal = 0.0


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
