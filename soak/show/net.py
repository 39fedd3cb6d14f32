"""The external interface: a UDP socket and a TCP server. Reports both ports once they are open."""

import json
import socket

import counts
import midimonster
from counts import now_and_then

previous = midimonster.previous()  # the version before a reload
if previous is None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    server = socket.create_server(("127.0.0.1", 0))
    peer = None  # sender of the last datagram
    connections = {}  # TCP connections, each with the incomplete line read so far
else:
    datagrams, server, peer, connections = previous.datagrams, previous.server, previous.peer, previous.connections


def datagram(sock):
    """'7 0.5' is an event on channel u7; 'stop' and 'report' are commands for the end."""
    global peer
    data, peer = sock.recvfrom(64)
    if data in (b"stop", b"report"):
        midimonster.output(data.decode(), 1)
        return
    channel, value = data.split()
    midimonster.output("u" + channel.decode(), float(value))
    counts.counts["datagrams"] += 1
    now_and_then()


def accept(listener):
    connection, _ = listener.accept()
    connection.setblocking(False)
    connections[connection] = b""
    midimonster.manage(receive, connection)
    counts.counts["connections"] += 1


def receive(connection):
    data = connection.recv(4096)
    if not data:
        del connections[connection]
        midimonster.manage(None, connection)
        connection.close()
        return
    *lines, connections[connection] = (connections[connection] + data).split(b"\n")
    for line in lines:
        channel, value = line.split()
        midimonster.output("t" + channel.decode(), float(value))
    counts.counts["lines"] += len(lines)
    now_and_then()


def answer(value):
    """Answers every datagram. For values from desk, only the last one of each channel is reported."""
    name = midimonster.current()
    if name[0] == "v":
        datagrams.sendto(("%s %r" % (name[1:], value)).encode(), peer)
        counts.counts["answers"] += 1
    else:
        counts.counts["of desk"] += 1


def report(value):
    counts.report("net", last=[midimonster.inputvalue("b%d" % number) for number in range(1, 17)])


def close():
    for sock in [datagrams, server, *connections]:
        sock.close()
    print("closed", flush=True)


midimonster.manage(datagram, datagrams)
midimonster.manage(accept, server)
for connection in connections:
    midimonster.manage(receive, connection)
midimonster.cleanup_handler(close)
if previous is None:
    print(json.dumps({"ports": True, "udp": datagrams.getsockname()[1], "tcp": server.getsockname()[1]}), flush=True)
