"""Runs in every instance's interpreter before user code, in a namespace that user code does not see.

The native part calls these functions by name (native/interpreter.cc, native/python_instance.cc) and adds
raise_in_thread() and share_environment() to the namespace. Nothing is imported before it is needed: every interpreter pays for it.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing

# Put here by the native part.
raise_in_thread: "typing.Callable[[tuple[int, type[BaseException]]], None]"
share_environment: "typing.Callable[[], None]"

_loaded = {}  # modules that the configuration loaded, in order: name -> (value of the option, folder)
_sources = {}  # source files of user code, for reloading: name of the module -> (path, hash of the content)

THREAD_PATIENCE = 2.0  # seconds that ordinary threads get to end at shutdown
INTERRUPT_PATIENCE = 0.5  # seconds that threads get to react to SystemExit


_loop_thread = 0  # the one that calls handlers


def prepare(folder, argument):
    import _thread

    global _loop_thread
    _loop_thread = _thread.get_ident()
    sys.path.insert(0, folder)
    sys.argv = [argument]
    _follow_environment()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # the stream is None if its descriptor is closed
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")


def _follow_environment():
    # os.environ calls these two by their names in `os`.
    import os

    def following(change):
        def changed(*arguments):
            change(*arguments)
            share_environment()

        changed.__name__ = change.__name__
        changed.__doc__ = change.__doc__
        return changed

    os.putenv = following(os.putenv)
    os.unsetenv = following(os.unsetenv)


def load_module(value, folder):
    """Imports what a `module` option names. Returns None, or what describe_exception() makes of what it raised."""
    try:
        if value.endswith(".py") or "/" in value:
            _load_path(value, folder)
        else:
            # The option may stand in an included file, in another folder than the instance.
            if folder not in sys.path:
                sys.path.insert(1, folder)
            __import__(value)
            _loaded[value] = (value, folder)
        _note_sources()
    except BaseException as error:
        return describe_exception(error)
    return None


def _source_of(module):
    """The file of a module of user code; None for all others."""
    import os

    path = getattr(module, "__file__", None) if isinstance(module, type(sys)) else None
    if not isinstance(path, str) or not path.endswith(".py") or path.startswith(os.path.dirname(os.__file__) + os.sep):
        return None
    return None if "/site-packages/" in path or "/dist-packages/" in path else path


def _digest(path):
    with open(path, "rb") as source:
        return hash(source.read())


def _note_sources():
    for name, module in list(sys.modules.items()):
        path = _source_of(module)
        if path is not None and name not in _sources:
            try:
                _sources[name] = (path, _digest(path))
            except OSError:
                pass  # it can't be loaded anew either


def _path_loader(name, path):
    from _frozen_importlib_external import SourceFileLoader

    return SourceFileLoader(name, path)


def _load_path(value, folder):
    # What importlib.util and importlib.machinery hand on. They import a lot themselves, in every instance.
    import os

    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import spec_from_file_location

    path = os.path.normpath(os.path.join(folder, value))
    if os.path.isdir(path):
        name, path = os.path.basename(path), os.path.join(path, "__init__.py")
    elif os.path.basename(path) == "__init__.py":
        name = os.path.basename(os.path.dirname(path))
    else:
        path = path if path.endswith(".py") else path + ".py"
        name = os.path.basename(path)[: -len(".py")]
    if not os.path.isfile(path):
        raise ModuleNotFoundError("No such file: '%s'" % path, name=name, path=path)

    already = sys.modules.get(name)
    if already is not None:
        where = getattr(already, "__file__", None)
        if where is not None and os.path.realpath(where) == os.path.realpath(path):
            return
        raise ImportError(
            "the name '%s' is already taken in this instance by %s; rename the file" % (name, where or "a built-in module"),
            name=name,
            path=path,
        )

    loader = _path_loader(name, path)
    spec = spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError("'%s' can't be loaded as a module" % path, name=name, path=path)
    module = module_from_spec(spec)
    # Its neighbours can be imported by name, as beside a script. A package's own folder is not its neighbourhood.
    is_package = os.path.basename(path) == "__init__.py"
    neighbours = os.path.dirname(os.path.dirname(path) if is_package else path)
    if neighbours not in sys.path:
        sys.path.insert(1, neighbours)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    _loaded[name] = (value, folder)


def resolve(channel):
    """Finds the function that a channel's name stands for.

    Returns (function, None, []) or (None, problem, candidates): candidates are names that may have been meant. A name
    without a dot may stand for a function of __main__, and for none at all: (None, None, []).
    """
    parts = channel.split(".")
    if len(parts) == 1:
        function = getattr(sys.modules.get("__main__"), channel, None)
        return (function if callable(function) else None, None, [])
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        if name in sys.modules:
            return _walk(sys.modules[name], name, parts[end:])
    rest = ".".join(parts[1:])
    return (None, "this instance has not loaded a module '%s'" % parts[0], ["%s.%s" % (name, rest) for name in _loaded])


def _walk(found, path, names):
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            prefix = path + "."
            return (None, "'%s' has no '%s'" % (path, name), [prefix + other for other in _callables(found)])
        except BaseException as error:
            return (None, "looking up '%s' in '%s' failed:\n%s" % (name, path, describe_exception(error)[-1]), [])
        path = "%s.%s" % (path, name)
    if not callable(found):
        return (None, "'%s' is of type %s and can't be called" % (path, type(found).__name__), [])
    return (found, None, [])


def _callables(owner):
    names = []
    for name in dir(owner):
        if not name.startswith("_"):
            try:
                if callable(getattr(owner, name)):
                    names.append(name)
            except BaseException:
                pass
    return names


def describe(function):
    name = getattr(function, "__qualname__", None)
    if name is None:
        name = getattr(getattr(function, "func", None), "__qualname__", None)  # functools.partial
    module = getattr(function, "__module__", None)
    if name is None:
        return repr(function)
    return "%s.%s" % (module, name) if isinstance(module, str) else name


MAX_PLACES = 100
MAX_BYTES = 64 * 1024  # of a message and of a whole traceback, in UTF-8
MAX_NAME = 1024  # characters of a type, a file or a function


def describe_exception(error):
    """An exception as data for the native part: (type, message, name, path, places, text), see PythonException in
    binding.d.ts. Attributes of exceptions may run user code, so each part has a value of its own for when that fails."""
    kind = _type_of(error)
    message = _message_of(error)
    entry = _first_of_user_code(error)
    places = _places_of(entry)
    name = path = None
    if issubclass(type(error), ImportError):
        name, path = _string_attribute(error, "name"), _string_attribute(error, "path")
    elif issubclass(type(error), SyntaxError):
        path = _string_attribute(error, "filename")
        places += _place_of_syntax_error(error, path)
    return (kind, message, name, path, places[-MAX_PLACES:], _text_of(error, entry, kind, message))


def _type_of(error):
    """The qualified name of its type as tracebacks show it. Read past a metaclass, which may be user code's."""
    kind = type(error)
    try:
        name = _exact(type.__dict__["__qualname__"].__get__(kind))
        module = type.__dict__["__module__"].__get__(kind)
        if isinstance(module, str) and module not in ("builtins", "__main__"):
            name = "%s.%s" % (_exact(module), name)
        return name[:MAX_NAME]
    except BaseException:
        return "Exception"


def _message_of(error):
    """Its text as it ends a traceback. That of a SyntaxError names its place too, which is among the places."""
    try:
        is_syntax_error = issubclass(type(error), SyntaxError) and isinstance(error.msg, str)
        return _bounded(error.msg if is_syntax_error else str(error))
    except BaseException:
        return "<exception str() failed>"


def _exact(text):
    """A subclass of str may have methods of its own."""
    return str.__str__(text)


def _string_attribute(error, name):
    try:
        value = getattr(error, name)
        return _exact(value)[:MAX_NAME] if isinstance(value, str) else None
    except BaseException:
        return None


def _first_of_user_code(error):
    """Where the user's traceback begins: not here, nor in the machinery of import."""
    # The same modules under two names: until something imports `importlib`, and from then on.
    machinery = ("_frozen_importlib", "importlib._bootstrap")
    entry = BaseException.__dict__["__traceback__"].__get__(error)
    while entry is not None:
        namespace = entry.tb_frame.f_globals
        name = dict.get(namespace, "__name__")  # one that user code made may be of a class of its own
        is_machinery = type(name) is str and (name == "importlib" or name.startswith(machinery))
        if namespace is not globals() and not is_machinery:
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
        places.append((_exact(code.co_filename)[:MAX_NAME], entry.tb_lineno or 0, _exact(code.co_name)[:MAX_NAME]))
        entry = entry.tb_next
    return places


def _place_of_syntax_error(error, path):
    try:
        line = error.lineno
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
    text = _exact(text)
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


# What nobody can catch, in finalizers, in callbacks of the interpreter's own and in threads, leads into the log, unless
# user code has a hook of its own for it.

_report = None  # the native part's: takes a tuple of a role, a subject and what describe_exception() returns
_thread_hook = None  # threading's own


def report_through(report):
    import _thread

    global _report, _thread_hook
    _report = report
    _thread_hook = getattr(_thread, "_excepthook")
    sys.unraisablehook = _on_unraisable
    threading = sys.modules.get("threading")  # what .pth files say may have imported it
    if threading is None:
        setattr(_thread, "_excepthook", _on_thread_exception)  # it will take this one, without being imported now
    elif getattr(threading, "excepthook") is _thread_hook:
        setattr(threading, "excepthook", _on_thread_exception)


def report_no_more():
    global _report
    _report = None


def _tell(role, subject, error):
    try:
        exception = describe_exception(error)
    except BaseException:  # the stack is used up
        kind = _type_of(error)
        exception = (kind, "", None, None, [], kind)
    return _report is not None and _report((role, subject, exception))


def _on_unraisable(unraisable):
    # CPython says what it was in words; up to 3.12 it also gives the object, later on mostly its repr() in those words.
    words = unraisable.err_msg or ""
    role = "callback"
    if words.startswith("Exception ignored in thread"):
        role = "thread"
    elif words.startswith("Exception ignored in atexit"):
        role = "exit function"
    elif getattr(unraisable.object, "__name__", None) == "__del__":
        role = "finalizer"
    elif type(unraisable.object).__name__ in ("generator", "coroutine", "async_generator"):
        role = "finalizer"
    if unraisable.object is None:
        subject = words.split("<function ")[-1].split(" at 0x")[0]
    else:
        subject = describe(unraisable.object)
    error = unraisable.exc_value
    if error is None or not _tell(role, subject, error):
        sys.__unraisablehook__(unraisable)


def _on_thread_exception(raised):
    if issubclass(raised.exc_type, SystemExit):
        return
    name = "(unnamed)" if raised.thread is None else raised.thread.name
    if raised.exc_value is None or not _tell("thread", name, raised.exc_value):
        if _thread_hook is not None:
            _thread_hook(raised)


def _part(name, namespace):
    """Runs another file of this folder, which not every instance needs."""
    import os

    file = os.path.join(os.path.dirname(__file__), name)
    with open(file, encoding="utf-8") as source:
        exec(compile(source.read(), file, "exec"), namespace)


_batch_namespace = {}


def make_batch(names, handler, functions):
    if not _batch_namespace:
        _batch_namespace["__name__"] = "midimonster"
        _part("batch.py", _batch_namespace)
    return _batch_namespace["Batch"](names, handler, functions)


def reloading(function, *arguments):
    """Calls a function of reload.py, whose globals are these."""
    if "reload_changed" not in globals():
        _part("reload.py", globals())
    return globals()[function](*arguments)


def previous():
    """midimonster.previous(): the version that the calling module replaces while it loads, else None."""
    replaced = globals().get("_replaced")
    if not replaced:
        return None
    # Called from C, which has no frame of its own.
    caller = sys._getframe(1)
    return replaced.get(caller.f_globals.get("__name__"))


# The watchdog's own thread calls these three while user code is at rest somewhere in the middle. It stays so for the time
# that CPython lets a thread run, some milliseconds: what must be of that moment is read first.


def running_stack():
    """Where the loop's thread is, as in a traceback."""
    stack = []
    frame = sys._current_frames().get(_loop_thread)
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back

    import traceback

    return "".join(traceback.format_list(traceback.FrameSummary(*place) for place in reversed(stack))).rstrip("\n")


def tell_stuck(subject, elapsed, format):
    """Tells of it on standard error itself, in the log's format: the log waits for the loop's thread."""
    import os
    import time

    message = "%s still runs after %d ms, and everything else waits for it\n%s" % (subject, elapsed, running_stack())
    now = time.time()
    if format == "json":
        import json

        line = json.dumps({"level": 40, "time": int(now * 1000), "msg": message})
    elif format == "journal":
        line = "\n".join(["<4>" + part for part in ("WARN: " + message).split("\n")])
    else:
        line = "[%s.%03d] WARN: %s" % (time.strftime("%H:%M:%S", time.localtime(now)), now % 1 * 1000, message)
    os.write(2, (line + "\n").encode("utf-8", "backslashreplace"))


def interruption(name, message):
    """What to raise, and in which thread, to end what the loop's thread runs. Not an Exception: `except Exception` lets it pass."""
    kind = type(name, (BaseException,), {"__module__": "midimonster", "__str__": lambda self: message})
    return _loop_thread, kind


def must_stay():
    """True if the interpreter must not end: it has an extension module that others may get a copy of which refers to it.

    CPython keeps a module that is not made for several interpreters for the whole process: what imports numpy 1 again after
    its first interpreter has ended crashes, and so does curses of CPython 3.12.1."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) if isinstance(module, type(sys)) else None
        if isinstance(path, str) and path.endswith(".so") and ("/lib-dynload/" not in path or name == "_curses"):
            return True
    return None


def stop_threads():
    """Ends this interpreter's threads as far as they can be ended; returns the names of the others."""
    import time

    def others():
        # Not imported for this: there may be no descriptors left to read it with.
        threading = sys.modules.get("threading")
        return [] if threading is None else [thread for thread in threading.enumerate() if thread.ident != _loop_thread]

    def join(threads, patience):
        deadline = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    _release_thread_pools()
    join([thread for thread in others() if not thread.daemon], THREAD_PATIENCE)
    _run_exit_functions()
    stubborn = others()
    for thread in stubborn:
        if thread.ident is not None:
            raise_in_thread((thread.ident, SystemExit))
    join([thread for thread in stubborn if type(thread).__name__ != "_DummyThread"], INTERRUPT_PATIENCE)
    return [thread.name for thread in others()]


def _run_exit_functions():
    # They may start threads, which ending the interpreter does not survive, so they run before threads are looked at.
    import atexit

    try:
        atexit._run_exitfuncs()
    except BaseException as error:  # CPython 3.9 alone raises the last one
        _tell("exit function", "(unnamed)", error)


def _release_thread_pools():
    # Idle workers of concurrent.futures wait for ever; this tells them to end without waiting for them.
    futures = sys.modules.get("concurrent.futures.thread")
    queues = getattr(futures, "_threads_queues", None)
    if futures is not None and queues is not None:
        setattr(futures, "_shutdown", True)
        for queue in list(queues.values()):
            queue.put(None)
