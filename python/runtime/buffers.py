"""Data that an object has read from its descriptor and holds back: the system has nothing to tell of it, so a function that
manage() was given would wait for more to arrive."""

import io


def find_buffer(socket):
    """Returns a function that says whether the object holds data, True or None. None for an object that can't hold any."""
    try:
        pending = getattr(socket, "pending", None)  # of TLS sockets: of `ssl`, of pyOpenSSL
        if callable(pending):
            return lambda: True if pending() else None
        reader = _inmost(socket)
        if isinstance(reader, io.TextIOWrapper):
            # It decodes all that one read brings, and does not tell of it. So it takes one byte at a time from the buffer
            # beneath it, which can be asked.
            setattr(reader, "_CHUNK_SIZE", 1)
            reader = reader.buffer
        if isinstance(reader, (io.BufferedReader, io.BufferedRandom)):
            return lambda: True if _holds(reader) else None
    except BaseException:
        pass  # attributes of user code
    return None


def _inmost(file):
    """The file that an object reads through, if it says so as those of the standard library do: responses of http.client and urllib,
    temporary files, what os.popen() returns."""
    for _ in range(4):
        for name in ("fp", "file", "_stream"):
            inner = getattr(file, name, None)
            if isinstance(inner, io.IOBase) and inner.fileno() == file.fileno():
                file = inner
                break
        else:
            break
    return file


def _holds(reader):
    """Whether a buffer has data. To ask an empty one makes it read, which must not wait."""
    raw = reader.raw
    if isinstance(raw, io.FileIO):
        return _peek(reader, _Descriptor(raw.fileno()))
    sock = getattr(raw, "_sock", None)  # of a file that socket.makefile() made
    return sock is not None and _peek(reader, sock)


def _peek(reader, source):
    timeout = source.gettimeout()
    if timeout == 0:
        return bool(reader.peek(1))
    source.settimeout(0)
    try:
        return bool(reader.peek(1))
    except OSError:
        if hasattr(source, "pending"):
            return False  # TLS, of which a part of a record has arrived; what else is wrong is for who reads
        raise
    finally:
        source.settimeout(timeout)


class _Descriptor:
    """A descriptor with the two methods of a socket."""

    def __init__(self, number):
        self._number = number

    def gettimeout(self):
        import os

        return None if os.get_blocking(self._number) else 0

    def settimeout(self, timeout):
        import os

        os.set_blocking(self._number, timeout is None)
