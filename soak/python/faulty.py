"""Does what it should not: raises everywhere, leaves sockets open, closes them without a word, asks for what there is not."""

import random
import socket
import midimonster

chance = random.Random(1)
sockets = []
calm = False


class Leaving:
    def __del__(self):
        raise RuntimeError("a finalizer that raises")


def handle(value):
    what = chance.randrange(12)
    if what == 0:
        raise ValueError("a handler that raises")
    if what == 1:
        Leaving()
    elif what == 2:
        midimonster.output("nowhere", value)
    elif what == 3:
        midimonster.output("nowhere", "no number")
    elif what == 4:
        ours, theirs = socket.socketpair()
        midimonster.manage(read, ours)
        theirs.send(b"x")
        sockets.append((ours, theirs))
    elif what == 5 and sockets:
        for end in sockets.pop(chance.randrange(len(sockets))):
            end.close()
    elif what == 6:
        midimonster.batch(["temporary"]) if chance.random() < 0.1 else None
    del sockets[:-20]


def read(sock):
    if not sock.recv(16):
        midimonster.manage(None, sock)  # at its end it stays readable
    if chance.random() < 0.2:
        raise OSError("a socket function that raises")


def complain():
    if not calm:
        raise SystemExit("an interval that exits")


def quiet(value):
    global calm
    calm = True
    midimonster.interval(complain, 0)


midimonster.interval(complain, 250)
