"""Turns OSC messages that arrive over UDP into events: the message's address is the channel, its number the value.

It shows how a module reads a socket, and keeps it when the file is changed while everything runs. For OSC itself there is the
backend osc. Any host that reaches this machine can send; the port is 9000, or the value of the environment variable OSC_PORT,
where 0 chooses a free one. Supports int (i), float (f) and double (d) arguments, the types T and F, and bundles. A message
without arguments, like that of a button, is an event with the value 1.
"""

import os
import socket
import struct
from collections.abc import Iterator

import midimonster


def read_string(data: bytes, at: int) -> "tuple[str, int]":
    """Reads an OSC string: NUL-terminated, padded to a multiple of four bytes."""
    end = data.index(b"\0", at)
    return data[at:end].decode("ascii"), end + 4 - end % 4


def messages(data: bytes) -> "Iterator[tuple[str, float]]":
    """Yields address and first argument of every message in a packet."""
    if data.startswith(b"#bundle\0"):
        at = 16  # the tag and the time
        while at < len(data):
            (size,) = struct.unpack_from(">i", data, at)
            yield from messages(data[at + 4 : at + 4 + size])
            at += 4 + size
        return
    address, at = read_string(data, 0)
    types, at = read_string(data, at) if at < len(data) else (",", at)  # old programs send no types
    kind = types[1:2]
    if kind == "":
        yield address, 1.0
    elif kind in "TF":
        yield address, float(kind == "T")
    elif kind in ("i", "f", "d"):
        (value,) = struct.unpack_from(">" + kind, data, at)
        yield address, float(value)


def receive(sock: socket.socket) -> None:
    data, sender = sock.recvfrom(65536)
    try:
        for address, value in messages(data):
            midimonster.output(address, value)
    except (ValueError, struct.error) as error:
        print("not an OSC message from %s: %s" % (sender, error))


def listen() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", int(os.environ.get("OSC_PORT", "9000"))))  # "": on all network interfaces
    print("listening for OSC on port %d" % sock.getsockname()[1])
    return sock


# While a changed file is loaded again, its old version still has the port: the socket is taken over from it.
old = midimonster.previous()
listener = old.listener if old is not None else listen()
midimonster.manage(receive, listener)
