"""Standard streams in the log's format, where they lead into a log that programs read: each line that user code writes becomes
an entry. Loaded for the formats json and journal only."""

import io
import os
import sys

from .logs import visible
from .native import kept

PRIORITIES = {"stdout": 6, "stderr": 4}  # of journal entries
LEVELS = {"stdout": 30, "stderr": 40}  # of JSON entries
PATIENCE = 1.0  # seconds that a full pipe gets
MAX_LENGTH = 64 * 1024  # bytes of an entry; a longer line becomes several


def format_streams(instance, output, errors):
    """output, errors: the format of standard output and error; None leaves the stream as it is. As `errors`, what goes to
    standard output goes to standard error."""
    if kept is not None:
        kept["finish_streams"] = finish  # for forked children
    for name, descriptor, form in (("stdout", 1, output), ("stderr", 2, errors)):
        stream = getattr(sys, name)
        if form is None or stream is None:  # None if its descriptor is closed
            continue
        if form == "errors":
            lines = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
            setattr(sys, name, lines)
            setattr(sys, "__%s__" % name, lines)
            continue
        raw = _Lines(descriptor, _as_json(instance, name) if form == "json" else _as_entry(name))
        raw.name = "<%s>" % name
        lines = io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True
        )
        setattr(lines, "mode", "w")
        setattr(sys, name, lines)
        setattr(sys, "__%s__" % name, lines)  # where what redirects a stream returns to


def finish():
    """Writes what user code has left without the end of a line."""
    for name in ("stdout", "stderr"):
        lines = getattr(sys, "__%s__" % name)
        try:
            lines.flush()
            lines.buffer.raw.finish()
        except Exception:
            pass  # it leads nowhere any more, or user code has closed or replaced it


class _Lines(io.RawIOBase):
    """Writes whole lines, each in a format; what comes after the last one waits for its end. A carriage return ends a line, too:
    what shows its progress may write nothing else."""

    name = ""

    def __init__(self, descriptor, formatted):
        self._descriptor = descriptor
        self._formatted = formatted
        self._pieces = []  # of the line that has not ended; joined once, since it may come byte by byte
        self._length = 0
        self._returned = False  # the last character was a carriage return, which a newline may belong to

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def write(self, data, /):
        data = bytes(data)
        lines = data.splitlines(True)
        if self._returned and data[:1] == b"\n":
            del lines[0]
        if data:
            self._returned = data[-1:] == b"\r"
        entries = []
        for line in lines:
            text = line.rstrip(b"\r\n")
            self._pieces.append(text)
            self._length += len(text)
            if len(text) != len(line):
                parts = _parts(self._take())
                if parts != [b""] or line != b"\r":  # one that comes before a text that is written over the last one
                    entries += parts
            elif self._length > MAX_LENGTH:
                *parts, rest = _parts(self._take())
                entries += parts
                self._pieces, self._length = [rest], len(rest)
        if entries:
            self._put(entries)
        return len(data)

    def _take(self):
        text = b"".join(self._pieces)
        self._pieces, self._length = [], 0
        return text

    def close(self):
        if not self.closed:
            try:
                self.finish()
            except OSError:
                pass  # nothing reads it any more
        super().close()

    def finish(self):
        rest = self._take()
        if rest:
            self._put([rest])

    def _put(self, lines):
        text = "".join([self._formatted(line.decode("utf-8", "backslashreplace")) + "\n" for line in lines])
        left = memoryview(text.encode("utf-8", "backslashreplace"))
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                # Others may have made the pipe non-blocking. Half a line would spoil the next one, too.
                import select

                if not select.select([], [self._descriptor], [], PATIENCE)[1]:
                    raise


def _parts(text):
    """Parts of a line that are short enough, without cutting characters in two."""
    parts = []
    start = 0
    while len(text) - start > MAX_LENGTH:
        end = start + MAX_LENGTH
        while end > start + MAX_LENGTH - 3 and text[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(text[start:end])
        start = end
    parts.append(text[start:])
    return parts


def _as_json(instance, name):
    import time

    try:
        from _json import encode_basestring_ascii as quoted
    except ImportError:
        from json.encoder import encode_basestring_ascii as quoted
    form = '{"level":%d,"time":%%d,"instance":%s,"stream":"%s","msg":%%s}' % (
        LEVELS[name],
        quoted(instance).replace("%", "%%"),
        name,
    )
    # DEL and the C1 control characters are escaped by that, too.
    return lambda line: form % (time.time() * 1000, quoted(line).replace("\x7f", "\\u007f"))


def _as_entry(name):
    priority = "<%d>" % PRIORITIES[name]

    def formatted(line):
        has_own = len(line) > 2 and line[0] == "<" and line[1] in "01234567" and line[2] == ">"
        return visible(line if has_own else priority + line)

    return formatted
