"""Turns a push button into a switch."""

import midimonster


def button(value: float) -> None:
    pressed = value > 0.5
    # Inside a handler, inputvalue() of its own channel is still the previous value.
    was_pressed = (midimonster.inputvalue("latch.button") or 0) > 0.5
    if pressed and not was_pressed:
        lamp_is_on = (midimonster.outputvalue("lamp") or 0) > 0.5
        midimonster.output("lamp", not lamp_is_on)
