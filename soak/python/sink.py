"""Counts what arrives, and that it does so in order."""

import json
import midimonster

batches = threads = wrong = 0


def frame(batch):
    global batches, wrong
    batches += 1
    if len(batch.changed()) != 64 or batch.inputs[0] != batch.inputs[63]:
        wrong += 1


def from_thread(value):
    global threads, wrong
    threads += 1
    if value != (threads % 1024) / 1024:
        wrong += 1


def stats(value):
    print(json.dumps({"batches received": batches, "thread events received": threads, "out of order": wrong}), flush=True)


midimonster.batch(["b%d" % n for n in range(1, 65)], frame)
