"""Talk to the MIDIMonster core that runs this module.

Channel values are floats from 0.0 to 1.0. A function of a module that the configuration maps to, like
'my_handlers.on_fader', is called with the value of every event. Handlers run one at a time; while one runs,
nothing else does, so return quickly and use interval() and manage() to wait."""

from asyncio import Task
from collections.abc import Callable, Coroutine, Iterable
from types import ModuleType
from typing import Any, Literal, Protocol, SupportsFloat, SupportsIndex, TypeVar

class _HasFileno(Protocol):
    def fileno(self) -> int: ...

_Socket = TypeVar("_Socket", bound=_HasFileno)
_Result = TypeVar("_Result")

def output(name: str, value: SupportsFloat | SupportsIndex, /) -> None:
    """Output a value on a channel of this instance.

    The event is queued and delivered to the mapped channels after the caller returns, in order.
    While modules load, the channel is created and its last value is sent once at start.

    name: the channel, without the instance. An unknown one is ignored with one warning.
    value: int, float or anything with __float__, clamped to 0.0..1.0, with a warning once a channel.
    Raises ValueError for NaN, TypeError for other types, OverflowError for an int too large for a float."""

def inputvalue(name: str, /) -> float | None:
    """Return the last value that arrived at a channel of this instance.

    0.0 before the first event; None for a channel that does not exist. Inside the channel's own
    handler this is still the previous value; the new one is the handler's argument."""

def outputvalue(name: str, /) -> float | None:
    """Return the last value that was output on a channel of this instance.

    0.0 before the first output(); None for a channel that does not exist."""

def current() -> str | None:
    """Return the name of the channel whose handler is running.

    None when no channel's handler runs, as in interval, socket and cleanup functions."""

def timestamp() -> int:
    """Return the core's time in milliseconds.

    Monotonic, with no relation to the time of day. It is the time at which this iteration of the
    core began: everything handled in one iteration sees the same time."""

def interval(
    function: Callable[[], object],
    milliseconds: SupportsFloat | SupportsIndex,
    /,
    *,
    exact: bool = False,
) -> None:
    """Call function() periodically, or stop doing so.

    The period is rounded to the nearest 10 ms, at least 10, with a warning if that changes it. Calls keep their
    phase: the n-th is due at start + n * period, and calls missed while the core was busy are skipped. An equal
    function (==) that is already registered gets the new period.

    milliseconds: the period; 0 cancels. Raises ValueError if negative, infinite or NaN.
    exact: whether the period is taken as it is, at least 1 ms, fractions included, as for a MIDI clock or DMX
    frames. Each call costs more than one that is rounded. MIDIMonster itself has no exact."""

def after(function: Callable[[], object], milliseconds: SupportsFloat | SupportsIndex, /) -> None:
    """Call function() once, after a time, or not at all.

    The time counts from this call; while modules load, from the start. An equal function (==) that is still to
    be called is called after the new time instead. Functions of interval() are independent of those of after().
    MIDIMonster itself has no after(); use hasattr(midimonster, 'after') to check.

    milliseconds: the time, not rounded, at least 1 ms; 0 cancels. Raises ValueError if negative, infinite or NaN."""

def started(function: Callable[[], object], /) -> None:
    """Call function() once, when everything runs.

    All modules have loaded, channels() is complete, sockets are open, and output is delivered. In a module that is
    reloaded, it is called when the reload has succeeded; later than that, soon after the caller returns.
    Functions are called in order of registration, each as often as it was registered.
    MIDIMonster itself has no started(); use hasattr(midimonster, 'started') to check.

    function: a callable without parameters. Raises TypeError for anything else."""

def manage(
    function: Callable[[_Socket], object] | None,
    socket: _Socket,
    /,
    read: bool | None = None,
    write: bool = False,
) -> None:
    """Call function(socket) whenever the socket has data to read, or stop doing so.

    A socket has one handler: registering it again replaces the handler. Unregister a socket before
    closing it.

    function: a callable, or None to unregister.
    write: whether to call it whenever the socket can be written to instead. A socket has one handler for
    each. With None, only that one is unregistered, without write and read both.
    read: by default what write is not. With both, the function is called for either.
    socket: anything with fileno(): sockets, pipes, terminals, timerfd, eventfd, inotify.
    Raises OSError for a descriptor that can't be waited for, such as a regular file's, ValueError for a
    closed socket, TypeError for an object without fileno(), and RuntimeError if called from a
    threading.Thread instead of the core's thread."""

def channels(direction: Literal["input", "output"] | None = None, /) -> list[str]:
    """Return the names of this instance's channels, in order of creation.

    Complete once all modules have loaded and the mappings have been read; see started().

    direction: 'input' for those that the configuration maps something to, 'output' for those that it maps to
    something, None for all. Empty for a direction while modules load. Raises ValueError for anything else.
    MIDIMonster itself has no direction."""

def cleanup_handler(function: Callable[[], object] | None, /) -> Callable[[], object] | None:
    """Register a function to call once at shutdown, before this interpreter ends.

    function: a callable without parameters, or None to remove the registered one.
    Returns the function it replaces, or None. Events it outputs are no longer routed."""

def checking() -> bool:
    """Return whether the configuration is only being checked, by `mmpy check`.

    Modules are then loaded, but nothing runs: no interval, no handler, no socket function. A module that
    opens ports or devices while it loads should not do so then; a running show may have them.
    MIDIMonster itself has no checking(); use hasattr(midimonster, 'checking') to check."""

def previous() -> ModuleType | None:
    """Return the version of the calling module that this one replaces, or None.

    When a module is reloaded, its old version still exists while the new one's top level runs, so state
    can be taken over: sockets, values, threads. None at the first load, and once the module has loaded.
    MIDIMonster itself has no previous(); use hasattr(midimonster, 'previous') to check."""

def task(coroutine: Coroutine[Any, Any, _Result] | Task[_Result], /) -> Task[_Result]:
    """Run a coroutine as an asyncio task of this instance, beside everything else.

    Called while the module loads or from any function; the task begins once the router runs and the caller
    has returned. It is kept until it ends, an exception is logged, and it is cancelled when its module is
    reloaded, when its instance is removed and when the router stops.
    MIDIMonster itself has no task(); use hasattr(midimonster, 'task') to check.

    coroutine: what a call of an async function returns. Or a task of a previous version of the module, which
    then goes on when the module is reloaded.
    Returns the asyncio.Task. Raises TypeError for anything else, and RuntimeError if called from a
    threading.Thread or when the instance ends."""

class Batch:
    """Channels that are handled and output together; created by midimonster.batch().

    Each value is at the position of its channel in names, as a double from 0.0 to 1.0. inputs and outputs support the
    buffer protocol: numpy.frombuffer(batch.inputs) and numpy.frombuffer(batch.outputs) are arrays of the same memory."""

    @property
    def names(self) -> tuple[str, ...]:
        """The channels, in the order in which they were given."""

    @property
    def inputs(self) -> memoryview[float]:
        """The last value that arrived at each channel; a read-only memoryview, always up to date."""

    @property
    def outputs(self) -> memoryview[float]:
        """The values that output() outputs; a memoryview to write to."""

    def output(self, values: Iterable[SupportsFloat] | None = None, /) -> None:
        """Output a value on every channel.

        values: if given, one number per channel, copied to outputs first. A buffer of doubles, such as inputs, an
        array.array("d") or a numpy array of float64, is copied in one go. Without values, outputs is sent unchanged.
        Values are clamped to 0.0..1.0. Raises ValueError, and outputs nothing, if one is NaN or their number is wrong."""

    def changed(self) -> list[int]:
        """Return the positions of the channels that got an event in this round, in order of arrival.

        Inside the batch's handler; elsewhere the list is empty."""

    def __len__(self) -> int: ...

def batch(names: Iterable[str], handler: Callable[[Batch], object] | None = None, /) -> Batch:
    """Create a Batch: channels that are handled and output together, with one call for all.

    While modules load, channels that do not exist are created. A channel may be in several batches.
    MIDIMonster itself has no batch(); use hasattr(midimonster, 'batch') to check.

    names: a list of channels, without the instance and without dots.
    handler: called as handler(batch) once for every round of events in which any of the channels got one.
    The channels then need no handlers of their own, and do not get the default handler.
    Raises ValueError for an empty list, a name given twice and, once modules have loaded, a channel that
    does not exist; TypeError for names that are not str."""
