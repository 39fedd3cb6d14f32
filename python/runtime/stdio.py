"""Standard output and error that do not wait for their readers."""

import io
import os
import sys

from .native import kept, write_stream

PIECE = 64 * 1024  # bytes: what can't be written at once is kept in pieces, or left out


def set_up(instance, output, errors):
    """output, errors: the format of standard output and error; None leaves the stream as it is, "text" what is written.
    As `output`, "errors" has it go to standard error."""
    if kept is not None:
        kept["finish_streams"] = finish  # for forked children
    for name, descriptor, form in (("stdout", 1, output), ("stderr", 2, errors)):
        stream = getattr(sys, name)
        if form is None or stream is None:  # None if its descriptor is closed
            continue
        encoding, handler, write_through = "utf-8", "backslashreplace", False
        if form == "errors":
            raw = Stream("stderr", 2)
        elif form == "text":
            raw = Stream(name, descriptor)
            encoding, handler, write_through = stream.encoding, stream.errors, stream.write_through
        else:
            from .streams import lines_in

            raw = lines_in(form, instance, name, descriptor)
        lines = io.TextIOWrapper(io.BufferedWriter(raw), encoding, handler, "\n", True, write_through)
        setattr(lines, "mode", "w")
        setattr(sys, name, lines)
        setattr(sys, "__%s__" % name, lines)  # where what redirects a stream returns to


def finish():
    """Writes what user code has left without the end of a line."""
    for name in ("stdout", "stderr"):
        lines = getattr(sys, "__%s__" % name)
        try:
            raw = lines.buffer.raw
            if isinstance(raw, Stream):
                lines.flush()
                raw.finish()
        except Exception:
            pass  # it leads nowhere any more, or user code has closed or replaced it


class Stream(io.RawIOBase):
    """Writes as it is."""

    name = ""

    def __init__(self, name, descriptor):
        self.name = "<%s>" % name
        self._descriptor = descriptor

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def isatty(self):
        return os.isatty(self._descriptor)

    def write(self, data, /):
        data = bytes(data)
        self.put(data)
        return len(data)

    def put(self, data):
        for start in range(0, len(data), PIECE):
            error = write_stream((self._descriptor, data[start : start + PIECE]))
            if error:
                raise OSError(error, os.strerror(error))

    def finish(self):
        pass

    def close(self):
        if not self.closed:
            try:
                self.finish()
            except OSError:
                pass  # nothing reads it any more
        super().close()
