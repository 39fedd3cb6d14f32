"""Short-lived Python threads that output."""

import random
import threading
import time

import counts
import midimonster
from counts import now_and_then

threads = []


def work(events):
    for _ in range(events):
        midimonster.output("said", random.random())
        if random.random() < 0.05:
            time.sleep(random.random() / 100)


def start():
    threads[:] = [thread for thread in threads if thread.is_alive()]
    if len(threads) < 4:
        events = random.randrange(1, 200)
        counts.counts["said"] += events
        counts.counts["threads"] += 1
        threads.append(threading.Thread(target=work, args=(events,)))
        threads[-1].start()
    now_and_then()


midimonster.interval(start, 50)


def stop(value):
    midimonster.interval(start, 0)
    for thread in threads:
        thread.join()
    counts.stopped("crowd")


def report(value):
    counts.report("crowd")
