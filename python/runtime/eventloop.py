"""The event loop of an instance: asyncio's own, of which only the waiting is replaced. The native part runs it in steps
(native/instance/tasks.cc), and waits for its selector and for its next timer together with everything else.

In a step everything is as in any other asyncio program. Outside of steps - while a plain function runs - nothing runs, and what
gets ready asks for a step."""

import asyncio
import sys
from asyncio import events
from collections import deque

from .exceptions import describe_exception
from .names import describe, exact, text_attribute
from .native import is_forked
from .selector import Pause, Selector
from .threads import LOOP_THREAD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

_Task = asyncio.Task
_set_running_loop = getattr(events, "_set_running_loop")
STARTS_EAGERLY = sys.version_info >= (3, 12)
_MAX_FAILURES = 10
_OF_THE_LOOP = (__name__, "asyncio.base_events", "asyncio.events")
_ADVICE = "the router runs this loop; run a coroutine in it with midimonster.task(), or in a thread with asyncio.run()"


class _Ready(deque):
    """The callbacks that are ready. The native part takes them out, to look at the clock."""

    __slots__ = ("popleft",)


class RouterLoop(asyncio.SelectorEventLoop):
    # asyncio's own.
    _ready: "deque[Any]"
    _scheduled: "list[Any]"
    _selector: "Any"
    _asyncgens: "Collection[Any]"
    _thread_id: "int | None"
    _run_once: "Callable[[], None]"

    told = None  # an exception that has left the loop and was reported

    def __init__(self, native, is_known):
        """native: functions of the native part. is_known: whether a task's exception is about to be reported."""
        selector = Selector()
        selector.loop = self
        super().__init__(selector)
        self._waiting = selector
        self.native = native
        self._is_known = is_known
        self._request = native["request"]
        self._arm = native["arm"]
        ready = _Ready(self._ready)
        ready.popleft = native["take_next"]
        self.take_next = deque.popleft.__get__(ready)
        self._ready = ready
        self._failures = 0
        self._taken = native["taken"]
        self._asks_after = 0  # until so many callbacks have been taken, the selector is not asked again
        self._captured: "list[Any]" = []
        self._capturing = self._capture
        self._step_type = None  # of a task's first step
        # What is called while no step runs; removed for the time of a step.
        self._outside_soon = self._call_soon_outside
        self._outside = {"call_soon": self._outside_soon, "call_at": self._call_at_outside}
        self._dict = vars(self)
        self._dict.update(self._outside)
        sys.set_asyncgen_hooks(
            firstiter=getattr(self, "_asyncgen_firstiter_hook"), finalizer=getattr(self, "_asyncgen_finalizer_hook")
        )

    def step(self, by_time):
        """Runs what is ready. by_time: only a timer has called for it. Returns True if something still is, else None."""
        own = self._dict
        run_once = self._run_once
        del own["call_soon"], own["call_at"]
        self._thread_id = LOOP_THREAD
        self._waiting.has_asked = False
        ready = len(self._ready)
        if ready and self._asks_after:
            self._waiting.skips_once = 0 < self._asks_after - self._taken() <= ready
        else:
            self._waiting.skips_once = by_time and not ready
        _set_running_loop(self)
        try:
            while True:
                run_once()
        except Pause:
            self._failures = 0
        except BaseException as error:
            if is_forked():
                raise  # the end of the child
            self._left(error)
        finally:
            _set_running_loop(None)
            self._thread_id = None
            own.update(self._outside)
        if self._ready:
            # As in other loops: what waits for a descriptor would be called twice if it were asked for before it is called.
            if self._waiting.has_asked:
                self._asks_after = self._taken() + len(self._ready)
            return self._failures < _MAX_FAILURES or None
        if self._scheduled:
            self._arm(self._scheduled[0]._when)
        return None

    def set_debug(self, enabled):
        super().set_debug(enabled)
        # Asked for every task and handle: without a call of Python code.
        vars(self)["get_debug"] = bool(enabled).__bool__

    def begin(self, coroutine):
        """A task whose first step has been made, which CPython can do itself from 3.12 on. To be called outside of a step."""
        task, (callback, arguments, context) = self.prepare(coroutine)
        try:
            context.run(callback, *arguments)
        except (SystemExit, KeyboardInterrupt):
            pass  # the task has it too
        return task

    def prepare(self, coroutine):
        """A task that has not begun, and its first step: a function, its arguments and its context."""
        own = self._dict
        captured = self._captured = []
        own["call_soon"] = self._capturing
        try:
            task = _Task(coroutine, loop=self)
        finally:
            own["call_soon"] = self._outside_soon
        first = captured.pop()
        while captured:  # a finalizer has run, and had something to say
            callback, arguments, context = captured.pop()
            if getattr(callback, "__self__", None) is task:
                first, (callback, arguments, context) = (callback, arguments, context), first
            self.call_soon(callback, *arguments, context=context)
        if self._step_type is None and getattr(asyncio.Task, "__module__", None) == "_asyncio":
            self._step_type = type(first[0])
        return task, first

    def _capture(self, callback, *arguments, context=None):
        self._captured.append((callback, arguments, context))
        if type(callback) is self._step_type:
            return None  # a task does not look at it
        return asyncio.Handle(callback, arguments, self, context)

    def _call_soon_outside(self, callback, *arguments, context=None):
        handle = super().call_soon(callback, *arguments, context=context)
        self._request()
        return handle

    def _call_at_outside(self, when, callback, *arguments, context=None):
        handle = super().call_at(when, callback, *arguments, context=context)
        self._request()
        return handle

    def _left(self, error):
        """An exception has left the loop. The step goes on with the next one."""
        entry = error.__traceback__
        while entry is not None and entry.tb_frame.f_globals.get("__name__") in _OF_THE_LOOP:
            entry = entry.tb_next
        error.__traceback__ = entry
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            if not self._is_known(error):
                self.told = error
                self.report("callback", "of the event loop", error)
            return
        self._failures += 1
        self.report("callback", "of the event loop", error)

    def report(self, role, subject, error, value=None):
        if type(subject) is not str:
            subject = describe(subject)
        self.native["report"]((role, subject, value, describe_exception(error)))

    def default_exception_handler(self, context):
        error = context.get("exception")
        source = context.get("task") or context.get("future")
        handle = context.get("handle")
        if isinstance(error, asyncio.CancelledError) and source is None and _is_stream_callback(handle):
            return
        if error is None or (source is None and handle is None):
            super().default_exception_handler(context)
        elif error is not self.told and not self._is_raised(error):
            if source is None:
                self.report("callback", getattr(handle, "_callback", handle), error)
            else:
                self.report("task", _name_in_traceback(error) or describe_task(source), error)

    def _is_raised(self, error):
        """Whether a task has just ended in its first step with an exception that the call which begins it raises."""
        is_beginning = self._thread_id is not None and "call_soon" in self._dict
        return is_beginning and isinstance(error, (SystemExit, KeyboardInterrupt))

    # The router does these.

    def run_forever(self):
        raise RuntimeError(_ADVICE)

    def run_until_complete(self, future):
        raise RuntimeError(_ADVICE)

    def stop(self):
        """Does nothing: it would end the tasks of the whole instance."""

    def close(self):
        raise RuntimeError("the router closes this loop when it stops")

    def __del__(self):
        """Says nothing of a loop that could not be made; any other has been closed by end()."""

    def add_signal_handler(self, sig, callback, *args):
        raise NotImplementedError("signals are handled by Node; use midimonster.cleanup_handler()")

    def remove_signal_handler(self, sig):
        return False

    def end(self):
        """Closes it for good."""
        self._dict.update(call_soon=super().call_soon, call_at=super().call_at)
        self._ready.clear()
        self._scheduled.clear()
        sys.set_asyncgen_hooks(None, None)
        super().close()


def _is_stream_callback(handle):
    """Whether this is the callback for a server's connection, which in some versions of CPython (3.11.7, 3.12.1) raises
    when the connection's task has been cancelled."""
    return getattr(getattr(handle, "_callback", None), "__module__", None) == "asyncio.streams"


def coroutine_of(task):
    """Not get_coro(): for a task that has ended in its first step CPython 3.12.1 crashes there."""
    return getattr(task, "_coro", None)


def _name_in_traceback(error):
    """The name of the coroutine function that raised: the coroutine itself has forgotten its module."""
    entry = error.__traceback__
    if entry is None:
        return None
    code = entry.tb_frame.f_code
    module = entry.tb_frame.f_globals.get("__name__")
    name = exact(getattr(code, "co_qualname", code.co_name))  # from 3.11 on
    return name if type(module) is not str else "%s.%s" % (module, name)


def describe_task(task):
    """The name of a task's coroutine function."""
    try:
        coroutine = coroutine_of(task)
        name = text_attribute(coroutine, "__qualname__") or task.get_name()
        frame = getattr(coroutine, "cr_frame", None)
        module = frame.f_globals.get("__name__") if frame is not None else None
        return name if type(module) is not str else "%s.%s" % (module, name)
    except BaseException:  # a future, or a task of another kind
        return "(unnamed)"
