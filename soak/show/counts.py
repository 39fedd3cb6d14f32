"""What an instance counts, and how it tells it: a line of JSON on standard output."""

import collections
import json
import random

counts = collections.Counter()
chance = random.Random().random


def tell(instance, **more):
    print(json.dumps({"counts": instance, **counts, **more}), flush=True)


def stopped(instance):
    print(json.dumps({"stopped": instance}), flush=True)


def now_and_then():
    """Raises once in a hundred times."""
    if chance() < 0.01:
        counts["raised"] += 1
        raise RuntimeError("on purpose, number %d" % counts["raised"])
