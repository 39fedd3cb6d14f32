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

    from .native import after_fork, can_fork, environment, is_forked, kept, raise_in_thread, refuse_fork, share_environment, write_stream

    # Added by the native part, like these and __file__.
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
native.__dict__.update(
    raise_in_thread=raise_in_thread,
    share_environment=share_environment,
    environment=environment,
    can_fork=can_fork,
    refuse_fork=refuse_fork,
    is_forked=is_forked,
    after_fork=after_fork,
    write_stream=write_stream,
    kept=kept,
)

part("extensions").watch_imports()
part("process_wide").guard()
prepare = part("environment").prepare
load_module = part("modules").load_module
loading = part("modules").loading
idle_module = part("modules").idle_module
previous = part("modules").previous
resolve = part("handlers").resolve
import_expected = part("handlers").import_expected
describe = part("names").describe
describe_exception = part("exceptions").describe_exception
report_through = part("uncaught").report_through
log_through = part("logs").log_through
caller_place = part("logs").caller_place
running_stack = part("watchdog").running_stack
interruption = part("watchdog").interruption
release_thread_pools = part("threads").release_thread_pools
join_ordinary_threads = part("threads").join_ordinary_threads
run_exit_functions = part("threads").run_exit_functions
interrupt_threads = part("threads").interrupt_threads
threads_left = part("threads").threads_left
find_buffer = part("buffers").find_buffer
must_stay = part("ending").must_stay
refuse_threads = part("ending").refuse_threads
part("stdio")
if kept is not None:
    leave = part("main").leave
compiled.clear()  # all of these are loaded now


def stop_reporting():
    part("uncaught").stop_reporting()
    part("logs").stop_logging()


def make_batch(names, handler, functions):
    return part("batch").Batch(names, handler, functions)


def coroutine_types():
    """The types of coroutines and of asynchronous generators."""

    async def coroutine():
        pass

    async def generator():
        yield

    one, other = coroutine(), generator()
    one.close()
    return type(one), type(other)


def load_tasks(functions):
    return part("tasks").load(functions)


def begin_cleanup():
    part("tasks").begin_cleanup()


def end_tasks(timeout):
    return part("tasks").end_tasks(timeout)


def close_tasks():
    part("tasks").close()


def running_task():
    return part("tasks").running_task()


def format_streams(instance, output, errors):
    part("stdio").set_up(instance, output, errors)


def forget_modules():
    part("ending").forget_modules()
    part("stdio").finish()


def reloading(function, *arguments):
    """Calls a function of reload.py, which is loaded on demand."""
    if function == "end_reload" and "tasks" in _parts:
        part("tasks").end_reload(arguments[0], part("modules").replaced)
    return getattr(part("reload"), function)(*arguments)
