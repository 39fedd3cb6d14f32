"""Exceptions as data for the native part; their tracebacks begin at user code."""

import sys

from .names import MAX_NAME, exact, qualified_type_name, text_attribute

# Entries at the beginning of a traceback that are not user code: this package and the import machinery, under its names
# before and after something imports `importlib`.
NOT_USER_CODE = ("_frozen_importlib", "importlib._bootstrap", "%s." % __package__)
MAX_PLACES = 100
MAX_BYTES = 64 * 1024  # of a message and of a whole traceback, in UTF-8


def describe_exception(error):
    """An exception as data for the native part: (type, message, name, path, places, text), see PythonException in
    binding.d.ts. Reading an exception's attributes may run user code, so each item has a substitute if that fails."""
    kind = qualified_type_name(type(error))
    message = _message_of(error)
    entry = _first_of_user_code(error)
    places = _places_of(entry)
    name = path = None
    if issubclass(type(error), ImportError):
        name, path = text_attribute(error, "name"), text_attribute(error, "path")
    elif issubclass(type(error), SyntaxError):
        path = text_attribute(error, "filename")
        places += _place_of_syntax_error(error, path)
    return (kind, message, name, path, places[-MAX_PLACES:], _text_of(error, entry, kind, message))


def _message_of(error):
    """Its text as at the end of a traceback, except for a SyntaxError's place, which is among the places."""
    message = text_attribute(error, "msg") if issubclass(type(error), SyntaxError) else None
    try:
        return bounded(str(error) if message is None else message)
    except BaseException:
        return "<exception str() failed>"


def _first_of_user_code(error):
    entry = BaseException.__dict__["__traceback__"].__get__(error)
    while entry is not None and not is_user_code(entry.tb_frame):
        entry = entry.tb_next
    return entry


def is_user_code(frame):
    """False for this package and the import machinery."""
    name = dict.get(frame.f_globals, "__name__")  # globals of exec() may be an instance of a dict subclass
    return type(name) is not str or not (name == "importlib" or name.startswith(NOT_USER_CODE))


def _places_of(entry):
    """The last places of a traceback as (file, line, function), outermost first."""
    count = 0
    last = entry
    while last is not None:
        count += 1
        last = last.tb_next
    for _ in range(count - MAX_PLACES):
        entry = entry.tb_next
    places = []
    while entry is not None:
        code = entry.tb_frame.f_code
        places.append((exact(code.co_filename)[:MAX_NAME], entry.tb_lineno or 0, exact(code.co_name)[:MAX_NAME]))
        entry = entry.tb_next
    return places


def _place_of_syntax_error(error, path):
    try:
        line = object.__getattribute__(error, "lineno")
    except BaseException:
        line = None
    return [] if path is None or type(line) is not int else [(path, min(max(line, 0), 0x7FFFFFFF), "")]


def _text_of(error, entry, kind, message):
    try:
        import traceback

        text = "".join(traceback.format_exception(type(error), error, entry)).rstrip("\n")
        return bounded(text + _meant(message))
    except BaseException:  # no descriptors or memory are left, the interpreter is ending, or the exception misbehaves
        return bounded(_format_plainly(_places_of(entry), kind, message))


def _meant(message):
    """What Python 3.12 and later add to a message about a misspelt function of midimonster."""
    if sys.version_info >= (3, 12):
        return ""
    words = message.split("'")
    if message.startswith("module 'midimonster' has no attribute '"):
        name = words[3]
    elif message.startswith("cannot import name '") and words[3:4] == ["midimonster"]:
        name = words[1]
    else:
        return ""
    import difflib

    known = [each for each in dir(sys.modules["midimonster"]) if not each.startswith("_")]
    return "".join(". Did you mean: '%s'?" % each for each in difflib.get_close_matches(name, known, 1))


def _format_plainly(places, kind, message):
    lines = ["Traceback (most recent call last):"]
    lines += ['  File "%s", line %d, in %s' % place for place in places]
    lines.append("%s: %s" % (kind, message) if message else kind)
    return "\n".join(lines)


def bounded(text):
    """As much of a text's beginning and end as fits into MAX_BYTES."""
    text = exact(text)
    if len(text) * 6 <= MAX_BYTES:  # a lone surrogate takes six bytes: \udcff
        return text
    chunks = range(0, len(text), MAX_BYTES)
    size = len(text) if text.isascii() else sum(len(_encode(text[start : start + MAX_BYTES])) for start in chunks)
    if size <= MAX_BYTES:
        return text
    half = MAX_BYTES // 2 - 32
    head = _encode(text[:half])[:half].decode("utf-8", "ignore")
    tail = _encode(text[-half:])[-half:].decode("utf-8", "ignore")
    left_out = size - len(_encode(head)) - len(_encode(tail))
    return "%s … %d bytes left out … %s" % (head, left_out, tail)


def _encode(text):
    return text.encode("utf-8", "backslashreplace")
