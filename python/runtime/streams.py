"""Standard streams in the log's format, where they lead into a log that programs read: each line that user code writes becomes
an entry. Loaded for the formats json and journal only."""

from .logs import visible
from .stdio import Stream

PRIORITIES = {"stdout": 6, "stderr": 4}  # of journal entries
LEVELS = {"stdout": 30, "stderr": 40}  # of JSON entries
MAX_LENGTH = 64 * 1024  # bytes of an entry; a longer line becomes several


def lines_in(form, instance, name, descriptor):
    """A stream that writes whole lines in a format."""
    return _Lines(name, descriptor, _as_json(instance, name) if form == "json" else _as_entry(name))


class _Lines(Stream):
    """Writes whole lines, each in a format; what comes after the last one waits for its end. A carriage return ends a line, too:
    what shows its progress may write nothing else."""

    def __init__(self, name, descriptor, formatted):
        super().__init__(name, descriptor)
        self._formatted = formatted
        self._pieces = []  # of the line that has not ended; joined once, since it may come byte by byte
        self._length = 0
        self._returned = False  # the last character was a carriage return, which a newline may belong to

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

    def finish(self):
        rest = self._take()
        if rest:
            self._put([rest])

    def _put(self, lines):
        text = "".join([self._formatted(line.decode("utf-8", "backslashreplace")) + "\n" for line in lines])
        self.put(text.encode("utf-8", "backslashreplace"))


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
