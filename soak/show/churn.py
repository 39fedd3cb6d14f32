"""Short-lived sockets, intervals, names and handlers."""

import socket

import counts
import midimonster
from counts import chance, now_and_then

waiting = set()  # sockets with data to read
stopping = False


def readable(sock):
    sock.recv(1)
    midimonster.manage(None, sock)
    midimonster.output("pas" + "sed"[:], 1)
    counts.counts["passed"] += 1
    done(sock)


def leave(sock):
    counts.counts["left"] += 1
    done(sock)  # without unregistering it, which the core reports


def done(sock):
    sock.close()
    waiting.remove(sock)
    if stopping and not waiting:
        counts.stopped("churn")


def once():
    midimonster.interval(once, 0)


def turn():
    near, far = socket.socketpair()
    waiting.add(near)
    midimonster.manage(leave if chance() < 0.01 else readable, near)
    far.send(b"x")
    far.close()
    counts.counts["sockets"] += 1
    midimonster.interval(once, 10)
    midimonster.output("nowhere", chance())
    midimonster.cleanup_handler(lambda: None)
    midimonster.inputvalue("no channel %d" % counts.counts["sockets"])
    now_and_then()


midimonster.interval(turn, 20)


def stop(value):
    global stopping
    stopping = True
    midimonster.interval(turn, 0)
    if not waiting:
        counts.stopped("churn")


def report(value):
    counts.report("churn")
