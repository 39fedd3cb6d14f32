"""The counters of an instance, reported as a line of JSON on standard output."""

import collections
import json
import random

counts = collections.Counter()
chance = random.Random().random


def report(instance, **more):
    print(json.dumps({"counts": instance, **counts, **more}), flush=True)


def stopped(instance):
    print(json.dumps({"stopped": instance}), flush=True)


def now_and_then():
    """Raises in one of a hundred calls."""
    if chance() < 0.01:
        counts["raised"] += 1
        raise RuntimeError("on purpose, number %d" % counts["raised"])
