"""Sockets, real ones: testing.poll() calls their functions."""

import errno
import os
import select
import stat


class Sockets:
    def __init__(self):
        self._managed = {}  # descriptor -> (socket, {"read": function, "write": function})

    def manage(self, function, socket, interest):
        descriptor = _descriptor_of(socket)
        _socket, functions = self._managed.get(descriptor, (None, {}))
        for event in interest or ("read",):
            functions[event] = function
        self._managed[descriptor] = (socket, functions)

    def unmanage(self, socket, interest):
        try:
            descriptor = _descriptor_of(socket)
        except (OSError, ValueError):  # it has been closed
            descriptor = next((number for number, (known, _) in self._managed.items() if known is socket), None)
        if descriptor in self._managed:
            functions = self._managed[descriptor][1]
            for event in interest or ("read", "write"):
                functions.pop(event, None)
            if not functions:
                del self._managed[descriptor]

    def forget(self, is_meant):
        for descriptor, (_, functions) in list(self._managed.items()):
            for event in [event for event, function in functions.items() if is_meant(function)]:
                del functions[event]
            if not functions:
                del self._managed[descriptor]

    def clear(self):
        self._managed = {}

    def snapshot(self):
        managed = {descriptor: (socket, dict(functions)) for descriptor, (socket, functions) in self._managed.items()}

        def restore():
            self._managed = managed

        return restore

    def poll(self, timeout_ms, call):
        """Calls the functions of sockets that are ready, once each; returns how many."""
        waits = select.poll()
        for descriptor, (_, functions) in self._managed.items():
            waits.register(
                descriptor, (select.POLLIN if "read" in functions else 0) | (select.POLLOUT if "write" in functions else 0)
            )
        calls = 0
        for descriptor, ready in waits.poll(timeout_ms):
            called = []
            for event, meant in (("read", ~select.POLLOUT), ("write", ~select.POLLIN)):
                socket, functions = self._managed.get(descriptor, (None, {}))  # another function may have unregistered it
                function = functions.get(event)
                if function is not None and ready & meant and function not in called:
                    called.append(function)
                    call(function, socket)
                    calls += 1
        return calls


def _descriptor_of(socket):
    fileno = getattr(socket, "fileno", None)
    if fileno is None:
        raise TypeError("manage() requires a socket-like object, with fileno()")
    descriptor = fileno()
    if descriptor < 0:
        raise ValueError("manage() requires an open socket; this one is closed")
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        problem = "manage() needs something that can be waited for, like a socket or a pipe; a regular file can't"
        raise OSError(errno.EPERM, problem)
    return descriptor
