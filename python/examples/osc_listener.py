"""Turns OSC messages that arrive over UDP into events: the message's address is the channel, its number the value.

The port is 9000, or the value of the environment variable OSC_PORT; 0 chooses a free one. Supports int (i), float (f) and
double (d) arguments, the types T and F, and bundles.
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
    types, at = read_string(data, at)
    kind = types[1:2]
    if kind in "TF":
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


listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", int(os.environ.get("OSC_PORT", "9000"))))
midimonster.manage(receive, listener)
print("listening for OSC on port %d" % listener.getsockname()[1])
