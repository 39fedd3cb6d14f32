"""Passes events on, and numbers what comes by itself: from an interval, a socket and a thread."""

import socket
import threading
import time

import midimonster


class Numbered:
    """Events of a channel, numbered from 1 on."""

    def __init__(self, channel):
        self.channel = channel
        self.number = 0

    def next(self):
        self.number += 1
        midimonster.output(self.channel, self.number % 2**20 / 2**20)


tick, read, said = Numbered("tick"), Numbered("read"), Numbered("said")
near, far = socket.socketpair()


def pass_on(value):
    midimonster.output(midimonster.current().replace("in", "out"), value)


def every_20_ms():
    tick.next()
    far.send(b"x")


def readable(sock):
    sock.recv(1)
    read.next()


def talk():
    while True:
        said.next()
        time.sleep(0.02)


def begin():
    midimonster.interval(every_20_ms, 20)
    threading.Thread(target=talk, daemon=True).start()


midimonster.manage(readable, near)
midimonster.started(begin)
