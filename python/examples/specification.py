"""The example module of MIDIMonster's python backend documentation, as it is printed there."""

import socket

import midimonster


# Simple channel handler
def in1(value: float) -> None:
    midimonster.output("out1", 1 - value)


# Socket data handler
def socket_handler(sock: socket.socket) -> None:
    # This should get some more error handling
    data = sock.recv(1024)
    print("Received %d bytes from socket: %s" % (len(data), data))
    if len(data) == 0:
        # Unmanage the socket if it has been closed
        midimonster.manage(None, sock)
        sock.close()


# Interval handler
def ping() -> None:
    print(midimonster.timestamp())


# Register an interval
midimonster.interval(ping, 1000)
# Create and register a client socket (add error handling as you like)
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.connect(("localhost", 8990))
midimonster.manage(socket_handler, s)
