"""Talk to the MIDIMonster core that runs this module.

Channel values are floats from 0.0 to 1.0. A function of a module that the configuration maps to, like
'my_handlers.on_fader', is called with the value of every event. Handlers run one at a time; while one runs,
nothing else does, so return quickly and use interval() and manage() to wait."""

from collections.abc import Callable
from typing import Protocol, SupportsFloat, SupportsIndex, TypeVar

class _HasFileno(Protocol):
    def fileno(self) -> int: ...

_Socket = TypeVar("_Socket", bound=_HasFileno)

def output(name: str, value: SupportsFloat | SupportsIndex, /) -> None:
    """Output a value on a channel of this instance.

    The event is queued and delivered to the mapped channels after the caller returns, in order.
    While modules load, the channel is created and its last value is sent once at start.

    name: the channel, without the instance. An unknown one is ignored with one warning.
    value: int, float or anything with __float__, clamped to 0.0..1.0.
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
    core began, so everything that one iteration handles sees the same time."""

def interval(function: Callable[[], object], milliseconds: SupportsFloat | SupportsIndex, /) -> None:
    """Call function() periodically, or stop doing so.

    The period is rounded to the nearest 10 ms, at least 10. Calls keep their phase: the n-th belongs
    at start + n * period, and calls missed while the core was busy are skipped. An equal function (==)
    that is already registered gets the new period.

    milliseconds: the period; 0 cancels. Raises ValueError if negative, infinite or NaN."""

def manage(function: Callable[[_Socket], object] | None, socket: _Socket, /) -> None:
    """Call function(socket) whenever the socket has data to read, or stop doing so.

    A socket has one handler: registering it again replaces the handler. Unregister a socket before
    closing it.

    function: a callable, or None to unregister.
    socket: anything with fileno(): sockets, pipes, terminals, timerfd, eventfd, inotify.
    Raises OSError for what can't be waited for, like a regular file, ValueError for a closed socket
    and TypeError for an object without fileno(). To be called from the core's thread, not from a
    threading.Thread, where it raises RuntimeError."""

def channels() -> list[str]:
    """Return the names of this instance's channels, in order of creation.

    Complete once the configuration has been read, so not yet while modules load."""

def cleanup_handler(function: Callable[[], object] | None, /) -> Callable[[], object] | None:
    """Register a function to call once at shutdown, before this interpreter ends.

    function: a callable without parameters, or None to remove the registered one.
    Returns the function it replaces, or None. Events it outputs are no longer routed."""
