"""Makes events of its own: batches and single ones from an interval, single ones from a thread. Measures how regularly it is called."""

import json
import threading
import time
import midimonster

PERIOD = 10
batch = midimonster.batch(["b%d" % n for n in range(1, 65)])
batches = threads = ticks = 0
running = True
last = None
late = []


def tick():
    global batches, ticks, last
    now = midimonster.timestamp()
    if last is not None:
        late.append(abs(now - last - PERIOD))
    last = now
    ticks += 1
    del late[:-1000]
    batches += 1
    batch.output([(batches % 256) / 256] * 64)
    midimonster.output("tick", (ticks % 100) / 100)


def work():
    global threads
    while running:
        threads += 1
        midimonster.output("thread", (threads % 1024) / 1024)
        time.sleep(0.002)


def begin():
    midimonster.interval(begin, 0)
    midimonster.interval(tick, PERIOD)
    threading.Thread(target=work, daemon=True).start()


def quiet(value):
    global running
    running = False
    midimonster.interval(tick, 0)


def stats(value):
    print(json.dumps({"batches sent": batches, "thread events sent": threads, "ticks": ticks, "late": sorted(late)[len(late) // 2]}), flush=True)


midimonster.interval(begin, 100)
