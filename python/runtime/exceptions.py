"""Exceptions as data for the native part; their tracebacks begin where user code does."""

from .names import MAX_NAME, exact, qualified_type_name, text_attribute

# Where a traceback begins that user code is no part of yet: the machinery of import, under the name that it has until
# something imports `importlib` and under the one from then on, and this package.
NOT_USER_CODE = ("_frozen_importlib", "importlib._bootstrap", "%s." % __package__)
MAX_PLACES = 100
MAX_BYTES = 64 * 1024  # of a message and of a whole traceback, in UTF-8


def describe_exception(error):
    """An exception as data for the native part: (type, message, name, path, places, text), see PythonException in
    binding.d.ts. Their attributes may run user code, so each part has a substitute for when that fails."""
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
    """Its text as it ends a traceback. That of a SyntaxError names its place too, which is among the places."""
    message = text_attribute(error, "msg") if issubclass(type(error), SyntaxError) else None
    try:
        return _bounded(str(error) if message is None else message)
    except BaseException:
        return "<exception str() failed>"


def _first_of_user_code(error):
    entry = BaseException.__dict__["__traceback__"].__get__(error)
    while entry is not None:
        name = dict.get(entry.tb_frame.f_globals, "__name__")  # globals of exec() may be a dict of a class of its own
        if type(name) is not str or not (name == "importlib" or name.startswith(NOT_USER_CODE)):
            break
        entry = entry.tb_next
    return entry


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

        return _bounded("".join(traceback.format_exception(type(error), error, entry)).rstrip("\n"))
    except BaseException:  # descriptors or memory are used up, the interpreter ends, or the exception is a strange one
        return _bounded(_format_plainly(_places_of(entry), kind, message))


def _format_plainly(places, kind, message):
    lines = ["Traceback (most recent call last):"]
    lines += ['  File "%s", line %d, in %s' % place for place in places]
    lines.append("%s: %s" % (kind, message) if message else kind)
    return "\n".join(lines)


def _bounded(text):
    """As much of a text's beginning and end as MAX_BYTES hold."""
    text = exact(text)
    if len(text) * 6 <= MAX_BYTES:  # half a surrogate pair takes six bytes: \udcff
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
