"""Runs in every instance's interpreter before user code: loads the parts in this folder, and provides the functions that
the native part calls by name (native/python/interpreter.cc, native/instance/).

It is hidden from user code: the parts are not in sys.modules. They import each other like modules of a package, through
their own __import__(). A part is loaded when it is first imported; parts that every instance needs are compiled once per
process. The standard library is only imported on demand, since every interpreter pays for it.
"""

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types

    from .native import raise_in_thread, share_environment

    # Added by the native part, like these two functions and __file__.
    compiled: "dict[str, types.CodeType]" = {}

PACKAGE = "_mmpy"  # tracebacks leave it out, see exceptions.py

_parts: "dict[str, types.ModuleType]" = {}


def _import(name, namespace=None, local=None, names=(), level=0):
    if level > 0:
        return part(name)
    return builtins.__import__(name, namespace, local, names, level)


_builtins = dict(vars(builtins), __import__=_import)


def part(name):
    """A module of this folder."""
    module = _parts.get(name)
    if module is None:
        module = _new(name)
        exec(compiled.get(name) or _compile(module.__file__), module.__dict__)
        # Published only now: loading may fail, for example for lack of a descriptor, and is retried next time. Two threads
        # that load it simultaneously both get the first one's module.
        module = _parts.setdefault(name, module)
    return module


def _new(name):
    module = type(sys)("%s.%s" % (PACKAGE, name))
    module.__file__ = "%s/%s.py" % (__file__.rpartition("/")[0], name)
    module.__package__ = PACKAGE
    setattr(module, "__builtins__", _builtins)
    return module


def _compile(file):
    with open(file, "rb") as source:
        return compile(source.read(), file, "exec")


native = _parts["native"] = _new("native")
setattr(native, "raise_in_thread", raise_in_thread)
setattr(native, "share_environment", share_environment)

prepare = part("environment").prepare
load_module = part("modules").load_module
previous = part("modules").previous
resolve = part("handlers").resolve
describe = part("names").describe
describe_exception = part("exceptions").describe_exception
report_through = part("uncaught").report_through
log_through = part("logs").log_through
running_stack = part("watchdog").running_stack
print_stuck = part("watchdog").print_stuck
interruption = part("watchdog").interruption
stop_threads = part("threads").stop_threads
find_buffer = part("buffers").find_buffer
must_stay = part("ending").must_stay
compiled.clear()  # all of these are loaded now


def stop_reporting():
    part("uncaught").stop_reporting()
    part("logs").stop_logging()


def make_batch(names, handler, functions):
    return part("batch").Batch(names, handler, functions)


def format_streams(instance, output, errors):
    part("streams").format_streams(instance, output, errors)


def forget_modules():
    part("ending").forget_modules()
    if "streams" in _parts:
        part("streams").finish()


def reloading(function, *arguments):
    """Calls a function of reload.py, which is loaded on demand."""
    return getattr(part("reload"), function)(*arguments)
