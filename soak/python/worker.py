"""Passes events on, with its state in the way: a count that reloads must not lose."""

import midimonster

previous = getattr(midimonster, "previous", lambda: None)()
handled = previous.handled if previous else 0


def handle(value):
    global handled
    handled += 1
    midimonster.output("answer", value)
