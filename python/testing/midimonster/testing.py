"""The rest of the router, for tests: what sends events to a module, moves its clock, and keeps what it outputs.

    import midimonster
    from midimonster import testing

    def test_fader():
        testing.reset()
        testing.load("desk")
        testing.send("desk.fader", 0.5)
        assert testing.outputs("dimmer") == [0.25]

There is one instance, as in a python instance of a configuration. Exceptions of the module's functions reach the test,
whereas a router reports them and goes on. Events that the module outputs are kept, not routed."""

import difflib
import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, List, Optional, Tuple, Union

from ._instance import current_instance, new_instance
from ._reading import number


def reset() -> None:
    """Begin with a new instance, in which nothing is registered and no channel exists.

    Modules that have been imported stay so, but what they have registered is gone: load() them again."""
    new_instance()


def load(name: str) -> ModuleType:
    """Import a module from the start, even if it has been imported, as `module = NAME` does. Returns it."""
    sys.modules.pop(name, None)
    return _import(name)


def reload(name: str) -> ModuleType:
    """Load a new version of a module, as a reload does: previous() returns the old one meanwhile, whose registrations go if the
    new one has not made them again. If the new one raises, the old one stays, and the exception reaches the test."""
    instance = current_instance()
    old = sys.modules.pop(name)
    undo = instance.begin_reload(name, old)
    try:
        new = _import(name)
    except BaseException:
        sys.modules[name] = old
        undo()
        raise
    finally:
        del instance.replaced[name]
    instance.drop_old(lambda function: _is_of(function, old))
    instance.tasks.forget(lambda namespace: namespace is old.__dict__)
    if instance.running:
        instance.call_start_functions()
    return new


def start(
    inputs: Optional[Iterable[str]] = None,
    outputs: Optional[Iterable[str]] = None,
    default_handler: Optional[str] = None,
) -> None:
    """Start, once modules are loaded: calls the functions of started(), and begins the intervals.

    inputs, outputs: the channels that the configuration maps, to this instance and from it. If either is given, there are no
    others: output() on an unknown one is ignored with a warning, as in a router. If not, channels are created as they are
    used, and channels("input") and channels("output") are those that were sent and output so far.
    default_handler: the path of a function, like the option `default-handler`."""
    instance = current_instance()
    if inputs is not None or outputs is not None:
        instance.channels.fix(inputs or (), outputs or ())
    if default_handler is not None:
        instance.default_handler = _function(default_handler)
    instance.start()


def send(channel: str, value: float) -> None:
    """Send an event to a channel: calls the function `module.function` that the name refers to, the default handler, or the
    handler of a batch.

    value: 0.0 to 1.0. Raises LookupError if there is no such function."""
    send_all([(channel, value)])


def send_all(events: Union[Mapping[str, float], Iterable[Tuple[str, float]]]) -> None:
    """Send several events, which arrive in one round: the handler of a batch is called once for all of them."""
    instance = current_instance()
    pairs = list(events.items() if isinstance(events, Mapping) else events)
    for channel, value in pairs:
        if not 0 <= number(value) <= 1:
            raise ValueError("an event's value is from 0.0 to 1.0, not %r (channel '%s')" % (value, channel))
        if instance.channels.fixed and channel not in instance.channels.names("input"):
            raise LookupError("channel '%s' is not among the inputs given to start()" % channel)
    found = [(channel, float(value), _handler(channel)) for channel, value in pairs]
    for channel, value, function in found:
        instance.deliver(channel, value, function)
    instance.finish_round()


def advance(milliseconds: float) -> None:
    """Move the clock: calls the functions of interval() and after() that are due meanwhile, in order, each at its time, and lets
    coroutines go on whose asyncio.sleep() is over.

    Starts first, if start() has not been called."""
    instance = current_instance()
    if not instance.running:
        instance.start()
    instance.advance(number(milliseconds))


def poll(timeout: float = 0) -> int:
    """Wait until a socket given to manage() is ready, and call the functions of those that are. Returns the number of calls.

    timeout: how long to wait at most, in real milliseconds."""
    instance = current_instance()
    return instance.sockets.poll(timeout, instance.call)


def stop() -> None:
    """Stop: calls the function of cleanup_handler(). Nothing can be registered from then on, until reset()."""
    current_instance().stop()


def outputs(channel: Optional[str] = None) -> List[Any]:
    """Return what has been output so far: (channel, value) in order, or the values of one channel. Clamped, as routed."""
    events = current_instance().outputs
    return list(events) if channel is None else [value for name, value in events if name == channel]


def clear() -> None:
    """Forget what has been output so far, for outputs(). outputvalue() stays."""
    current_instance().outputs.clear()


def warnings() -> List[str]:
    """Return the warnings so far, which a router logs: unknown channels, values outside of 0.0 to 1.0, rounded periods."""
    return list(current_instance().warnings)


def _import(name):
    """From the source: a compiled file counts as current if the source has changed in the same second, and kept its size."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    finally:
        sys.dont_write_bytecode = before


def _handler(channel):
    instance = current_instance()
    if "." in channel:
        return _function(channel)
    return None if instance.handled_by_batch(channel) else instance.default_handler


def _function(path):
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        found = sys.modules.get(".".join(parts[:end]))
        if found is not None:
            return _walk(found, ".".join(parts[:end]), parts[end:])
    raise LookupError("no handler for '%s': no module '%s' has been loaded; testing.load() does that" % (path, parts[0]))


def _walk(found, path, names):
    for name in names:
        if not hasattr(found, name):
            close = difflib.get_close_matches(name, [other for other in dir(found) if callable(getattr(found, other))], 1)
            help = "; did you mean '%s.%s'?" % (path, close[0]) if close else ""
            raise LookupError("no handler for '%s.%s': '%s' has no '%s'%s" % (path, name, path, name, help))
        found, path = getattr(found, name), "%s.%s" % (path, name)
    if not callable(found):
        raise LookupError("no handler: '%s' is of type %s and can't be called" % (path, type(found).__name__))
    return found


def _is_of(function, module):
    """Whether a function, or the class of a callable object, was defined by this version of a module."""
    function = getattr(function, "func", function)  # of functools.partial
    if not hasattr(function, "__func__") and not hasattr(function, "__globals__"):
        function = getattr(type(function), "__call__", None)
    function = getattr(function, "__func__", function)
    return getattr(function, "__globals__", None) is module.__dict__
