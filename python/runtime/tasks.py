"""The asyncio tasks of an instance: those of coroutines that its functions return, and those of midimonster.task(). Loaded for the
first of them, since importing asyncio takes a while."""

import asyncio
import sys
from asyncio.tasks import _unregister_task
from contextvars import ContextVar

from .eventloop import LOOP_THREAD, STARTS_EAGERLY, RouterLoop, _set_running_loop, _Task, coroutine_of, describe_task
from .logs import say
from .names import describe, namespace_of, text_attribute, type_name
from .selector import Pause

END_TIMEOUT = 2.0  # seconds that cancelled tasks get
_MANY = 1000  # tasks of one function at once, of which there is a warning

_loop: RouterLoop = None  # type: ignore[assignment]  # until load()
_ending = False
_channel = ContextVar("midimonster.channel", default=None)  # of the handler that a task belongs to


class _Record:
    """What is known of a task that has not ended. Its being in _records keeps the task alive."""

    __slots__ = ("role", "subject", "value", "owner", "of_cleanup")

    def __init__(self, role, subject, value, owner=None):
        self.role = role
        self.subject = subject
        self.value = value
        self.owner = owner  # the globals of the module that has begun it
        self.of_cleanup = _ending


_records = {}
_counts = {}  # (role, subject) -> tasks that have not ended
_trial = {}  # during a reload: task -> its first step, which waits for the end of the reload
_carried = {}  # during a reload: task -> its record before a new version has taken it over


def load(native):
    """Returns what the native part calls, and the selector's descriptor."""
    global _loop
    if _loop is None:
        _loop = RouterLoop(native, _is_known)
    return start, make, _channel, _loop.take_next, Pause, _loop.step, _loop._selector.fileno()


def start(coroutine, role, subject, value):
    """Begins a coroutine that a function has returned: its first step is made now. Must not raise for what user code does."""
    loop = _loop
    if type(coroutine) is not _coroutine_type:
        raise TypeError("%s is an asynchronous generator, which can't be called like this; remove its yield" % name_of(subject))
    token = _channel.set(subject) if role == "handler" else None
    loop._thread_id = LOOP_THREAD
    _set_running_loop(loop)
    try:
        if STARTS_EAGERLY:
            task = _Task(coroutine, loop=loop, eager_start=True)  # type: ignore[call-arg]
        else:
            task = loop.begin(coroutine)
    except (SystemExit, KeyboardInterrupt) as error:
        loop.told = error
        loop.report(role, subject, error, value)
        return True
    finally:
        _set_running_loop(None)
        loop._thread_id = None
        if token is not None:
            _channel.reset(token)
    if not task.done():
        _note(task, _Record(role, subject, value))
        return True
    try:
        error = task.exception()
    except asyncio.CancelledError:
        return True
    if error is not None:
        loop.report(role, subject, error, value)
    return True


def make(coroutine, on_trial):
    """midimonster.task()."""
    loop = _loop
    owner = sys._getframe(1).f_globals
    if isinstance(coroutine, asyncio.Task):
        return _carry(coroutine, owner, on_trial)
    if not asyncio.iscoroutine(coroutine):
        hint = ": call the function, and pass what it returns" if callable(coroutine) else ""
        raise TypeError("task() takes a coroutine, not %s%s" % (type_name(type(coroutine)), hint))
    if _ending and not _in_cleanup:
        coroutine.close()
        raise RuntimeError("task() can't be called any more: the instance is ending")
    token = _channel.set(None)
    try:
        if on_trial:
            task, first = loop.prepare(coroutine)
            _trial[task] = first
        else:
            task = asyncio.Task(coroutine, loop=loop)
    finally:
        _channel.reset(token)
    _note(task, _Record("task", _coroutine_name(coroutine), None, owner))
    return task


def _carry(task, owner, on_trial):
    """A new version of a module takes over a task of the previous one."""
    if task.get_loop() is not _loop:
        raise ValueError("task() takes a task of this instance; this one runs in another event loop")
    if task.done():
        return task
    before = _records.get(task)
    if before is None:
        before = _Record("task", describe_task(task), None)
        _note(task, before)
    if on_trial:
        _carried.setdefault(task, before)
    record = _Record(before.role, before.subject, before.value, owner)
    _records[task] = record
    return task


def name_of(subject):
    return subject if type(subject) is str else describe(subject)


def _coroutine_name(coroutine):
    name = text_attribute(coroutine, "__qualname__") or "(unnamed)"
    frame = getattr(coroutine, "cr_frame", None)
    module = None if frame is None else frame.f_globals.get("__name__")
    return name if type(module) is not str else "%s.%s" % (module, name)


def _key(record):
    return record.role, record.subject if type(record.subject) is str else id(record.subject)


def _note(task, record):
    _records[task] = record
    key = _key(record)
    count = _counts[key] = _counts.get(key, 0) + 1
    if count == _MANY:
        what = "task" if record.role == "task" else record.role
        _warn("%d tasks of the %s %s have not ended; more are begun than end" % (count, what, name_of(record.subject)))
    task.add_done_callback(_ended)


def _ended(task):
    record = _records.pop(task, None)
    if record is None:
        return
    key = _key(record)
    count = _counts[key] = _counts[key] - 1
    if count == 0:
        del _counts[key]
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _loop.report(record.role, record.subject, error, record.value)


def _is_known(error):
    """Whether a task has ended with this exception, which is about to be reported as the task's."""
    return any(task.done() and not task.cancelled() and task.exception() is error for task in list(_records))


def _warn(text):
    say("warn", "asyncio", text)


def running_task():
    """The name of the task whose step is running; None for another callback."""
    task = asyncio.current_task(_loop) if _loop is not None else None
    return None if task is None else describe_task(task)


# Reloads


def end_reload(keep, replaced):
    """replaced: the old versions of modules, by name."""
    trial, carried = dict(_trial), dict(_carried)
    _trial.clear()
    _carried.clear()
    if not keep:
        for task, record in carried.items():
            if task in _records:
                _records[task] = record
        for task, first in trial.items():
            task.cancel()  # so that its coroutine never begins
            _begin(task, first)
        return
    spaces = {id(namespace_of(module)) for module in replaced.values()}
    old = {task for task in asyncio.all_tasks(_loop) if task not in trial and task not in carried and _is_of(task, spaces)}
    for task in old:
        task.cancel()
    if not old:
        for task, first in trial.items():
            _begin(task, first)
        return

    def release():
        timer.cancel()
        for task in old:
            task.remove_done_callback(gone)
        for task, first in trial.items():
            _begin(task, first)
        trial.clear()

    def gone(task):
        old.discard(task)
        if not old:
            release()

    def give_up():
        names = ", ".join(sorted(describe_task(task) for task in old))
        _warn("tasks of a replaced module have not ended %g s after they were cancelled: %s" % (END_TIMEOUT, names))
        release()

    timer = _loop.call_later(END_TIMEOUT, give_up)
    for task in list(old):
        task.add_done_callback(gone)


def _is_of(task, spaces):
    """Whether a task belongs to one of these modules, by their globals."""
    record = _records.get(task)
    if record is not None and record.owner is not None and id(record.owner) in spaces:
        return True
    frame = getattr(coroutine_of(task), "cr_frame", None)
    return frame is not None and id(frame.f_globals) in spaces


def _begin(task, first):
    callback, arguments, context = first
    if not task.done():
        _loop.call_soon(callback, *arguments, context=context)


# The end of the instance

_in_cleanup = False
_end_task = None


def begin_cleanup():
    """The cleanup handler is about to be called: what it begins may take its time."""
    global _ending, _in_cleanup
    _ending = _in_cleanup = True


def end_tasks(timeout):
    """Begins to end all tasks; those that the cleanup handler has begun get some time to end by themselves. Returns True if there
    is anything to wait for."""
    global _ending, _in_cleanup, _end_task
    _ending, _in_cleanup = True, False
    if not asyncio.all_tasks(_loop) and not _loop._asyncgens and not _loop._ready:
        return None
    cleaning = {task for task, record in _records.items() if record.of_cleanup}
    own = set(_records) - cleaning
    for task in own:
        task.cancel()  # before any that has not begun does
    _end_task = asyncio.Task(_end(cleaning, own, timeout), loop=_loop)
    _unregister_task(_end_task)  # a cleanup may cancel all that asyncio.all_tasks() lists, and wait for them
    return True


async def _end(cleaning, own, timeout):
    try:
        if cleaning:
            _, late = await asyncio.wait(cleaning, timeout=timeout)
            for task in late:
                _warn("the cleanup has not ended in time: %s" % describe_task(task))
        await _await_cancelled(own)
        await asyncio.wait_for(_loop.shutdown_asyncgens(), END_TIMEOUT / 2)
    except asyncio.TimeoutError:
        _warn("asynchronous generators have not ended in time")
    finally:
        _loop.native["ended"]()


async def _await_cancelled(own):
    """Waits for tasks that were cancelled; then cancels all others: those of libraries, which user code's own tasks need to close
    connections in order, and those that nothing waits for."""
    deadline = _loop.time() + END_TIMEOUT
    if own:
        await asyncio.wait(own, timeout=END_TIMEOUT * 0.75)
    cancelled = set(own)
    while True:
        tasks = asyncio.all_tasks(_loop)
        for task in tasks - cancelled:
            task.cancel()
        cancelled |= tasks
        left = deadline - _loop.time()
        if not tasks or left <= 0:
            break
        await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    if tasks:
        names = ", ".join(sorted(describe_task(task) for task in tasks))
        _warn("tasks have not ended %g s after they were cancelled: %s" % (END_TIMEOUT, names))


def close():
    """Ends at once what is left. Runs finally clauses, but nothing that these wait for."""
    for task in [*asyncio.all_tasks(_loop), *([_end_task] if _end_task else [])]:
        setattr(task, "_log_destroy_pending", False)
        try:
            getattr(coroutine_of(task), "close", task.cancel)()
        except BaseException as error:
            _loop.report("task", describe_task(task), error)
    _records.clear()
    _counts.clear()
    _trial.clear()
    _carried.clear()
    _loop.end()


async def _one():
    pass


_first = _one()
_coroutine_type = type(_first)
_first.close()
