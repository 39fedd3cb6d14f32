"""Sends values round through the network backends. Their channels here are called after the backends: osc1, artnet1, ..."""

import random

import counts
import midimonster
from counts import now_and_then

CHANNELS = range(1, 17)
WAYS = []  # those that the configuration has
ON_ITS_WAY = {}  # by OSC and MIDI: when it was sent, by channel
LOST = 5000  # ms
state = {"begun": False, "value": 0}


def go_on():
    """Everything is connected: what was sent in order to find that out does not count."""
    for key in [key for key in counts.counts if key.startswith(("sent", "back"))]:
        del counts.counts[key]
    ON_ITS_WAY.clear()
    state["begun"] = True
    midimonster.interval(send, 20)


def send():
    if not state["begun"]:
        state["value"] += 1
        midimonster.output(WAYS[-1] + "1", state["value"] % 100 / 100)
        return
    # With another value than its last one: OSC sends it only if it is new.
    for channel in random.sample(CHANNELS, 8):
        state["value"] = (state["value"] + 1) % 60_000
        for way in WAYS:
            name = "%s%d" % (way, channel)
            if way in ("osc", "midi") and not is_free(name):
                continue
            midimonster.output(name, state["value"] / 65_535)
            counts.counts["sent by " + way] += 1
    now_and_then()


def is_free(name):
    """Of values that wait, the last one is sent: as long as one is on its way there is no other, so that each can be counted."""
    now = midimonster.timestamp()
    if now - ON_ITS_WAY.get(name, -LOST) < LOST:
        return False
    ON_ITS_WAY[name] = now
    return True


def back(value):
    """Called for whatever comes back."""
    name = midimonster.current()
    ON_ITS_WAY.pop(name, None)
    way = name.rstrip("0123456789")
    counts.counts["back by " + way] += 1
    if not state["begun"] and way == WAYS[-1] and "waits" not in state:
        state["waits"] = True
        midimonster.interval(send, 0)
        midimonster.after(go_on, 1000)


def stop(value):
    midimonster.interval(send, 0)
    # What is on its way arrives meanwhile: frames, too.
    midimonster.after(lambda: counts.stopped("wire"), 1500)


def report(value):
    def differ(way):
        names = ["%s%d" % (way, channel) for channel in CHANNELS]
        step = 1 / 16_383 if way == "midi" else 1 / 65_535
        return sum(abs(midimonster.outputvalue(name) - midimonster.inputvalue(name)) > step for name in names)

    counts.report("wire", ways=WAYS, differ={way: differ(way) for way in WAYS})


def find_out():
    WAYS.extend(way for way in ("osc", "artnet", "sacn", "midi", "mqtt") if way + "1" in midimonster.channels())
    midimonster.interval(send, 100)


midimonster.started(find_out)
