"""A module that uses everything once. cycles.ts starts and stops routers with it, bare.py interpreters."""

import json
import socket
import threading

import midimonster

near, far = socket.socketpair()
text = json.dumps({"some": ["text"]})


def fallback(value):
    pass


def go(value):
    far.send(b"x")
    midimonster.output("out", value)


def fail(value):
    raise ValueError(value)


def read(sock):
    sock.recv(1)
    midimonster.output("done", 1)


def tick():
    midimonster.output("out", 0.5)


def close():
    near.close()
    far.close()


thread = threading.Thread(target=lambda: midimonster.output("out", 0.25), daemon=True)
thread.start()
frame = midimonster.batch(["o1", "o2"], lambda batch: batch.changed())
midimonster.output("out", 1)
midimonster.manage(read, near)
midimonster.interval(tick, 10)
midimonster.cleanup_handler(close)
