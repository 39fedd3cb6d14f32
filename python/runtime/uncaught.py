"""Exceptions that no caller can catch, in finalizers, callbacks from the interpreter and threads: they are logged, unless
user code has installed its own hook."""

import sys

from .exceptions import describe_exception
from .names import describe, qualified_type_name, text_attribute, type_name, unwrapped

_report = None  # the native part's: takes a tuple of a role, a subject and the result of describe_exception()
_thread_hook = None  # threading's own


def report_through(native_report):
    import _thread

    global _report, _thread_hook
    _report = native_report
    _thread_hook = getattr(_thread, "_excepthook")
    sys.unraisablehook = _on_unraisable
    threading = sys.modules.get("threading")  # a .pth file may have imported it
    if threading is None:
        setattr(_thread, "_excepthook", _on_thread_exception)  # threading will use this one once it is imported
    elif getattr(threading, "excepthook") is _thread_hook:
        setattr(threading, "excepthook", _on_thread_exception)


def stop_reporting():
    global _report
    _report = None


def report(role, subject, error):
    try:
        exception = describe_exception(error)
    except BaseException:  # the stack is used up
        kind = qualified_type_name(type(error))
        exception = (kind, "", None, None, [], kind)
    # In a forked child the native part takes none, so that it is printed.
    return _report is not None and _report((role, subject, exception))


def _on_unraisable(unraisable):
    # CPython describes the object in a message; up to 3.12 it also passes the object, later mostly only its repr() there.
    words = unraisable.err_msg or ""
    role = "callback"
    if words.startswith("Exception ignored in thread"):
        role = "thread"
    elif words.startswith("Exception ignored in atexit"):
        role = "exit function"
    elif text_attribute(unwrapped(unraisable.object), "__name__") == "__del__":
        role = "finalizer"
    elif type_name(type(unraisable.object)) in ("generator", "coroutine", "async_generator"):
        role = "finalizer"
    if unraisable.object is None:
        subject = words.split("<function ")[-1].split(" at 0x")[0]
    else:
        subject = describe(unraisable.object)
    error = unraisable.exc_value
    if error is None or not report(role, subject, error):
        sys.__unraisablehook__(unraisable)


def _on_thread_exception(raised):
    if issubclass(raised.exc_type, SystemExit):
        return
    name = name_of_thread(raised.thread)
    if raised.exc_value is None or not report("thread", name, raised.exc_value):
        if _thread_hook is not None:
            _thread_hook(raised)


def name_of_thread(thread):
    try:
        return str(thread.name)
    except BaseException:  # the thread is None, or of a user-defined class
        return "(unnamed)"
