"""What the module's functions and the test share: one instance, without a router."""

import contextvars
import difflib
from collections.abc import Callable
from typing import Optional

from ._channels import Channels
from ._clock import Clock
from ._reading import describe, rounded
from ._sockets import Sockets
from ._tasks import Tasks, is_coroutine

# The channel whose handler runs, also in what it has begun.
_current = contextvars.ContextVar("current", default=None)

CLEANUP_MS = 8000  # that tasks of the cleanup handler get
NEGLIGIBLE = 1e-6  # outside of 0..1, which computing a value may leave


class Instance:
    def __init__(self):
        self.channels = Channels()
        self.clock = Clock()
        self.sockets = Sockets()
        self.tasks = Tasks(self.clock)
        self.batches = []
        self.outputs = []  # (channel, value), in order
        self.warnings = []
        self.replaced = {}  # during a reload: name of a module -> its previous version
        self.default_handler: Optional[Callable[[float], object]] = None
        self.running = False
        self._calls = 0  # nested ones
        self._ending = False
        self._ended = False
        self._cleanup = None
        self._start_functions = []
        self._warned = set()
        self._renewed = []  # functions that have been registered in the reload

    # The module's functions

    @property
    def current(self):
        return _current.get()

    def task(self, coroutine, owner):
        if self._ended and is_coroutine(coroutine):
            coroutine.close()
            raise RuntimeError("task() can't be called any more: the instance is ending")
        return self.tasks.make(coroutine, owner)

    @property
    def may_create(self):
        return not self.channels.fixed

    def output(self, name, given):
        value = min(max(given, 0.0), 1.0)
        if name not in self.channels and self.may_create:
            self.channels.add(name)
        if name not in self.channels:
            return self._warn_unknown(name)
        if abs(given - value) > NEGLIGIBLE:
            self._warn(
                ("clamped", name),
                "output() of %g on channel '%s': values go from 0.0 to 1.0, so it counts as %s" % (given, name, value),
            )
        self.channels.note(name, "output")
        self.channels.set_output(name, value)
        self.outputs.append((name, value))

    def interval(self, function, period, exact):
        if self._ending and period != 0:
            return
        if period != 0:
            wanted = max(1.0, period) if exact else rounded(period)
            if not exact and abs(wanted - period) > 0.001:
                name = describe(function)
                text = "interval(%s, %g) is called every %d ms" % (name, period, wanted)
                self._warn(("rounded", name), text + ", since periods are rounded to multiples of 10 ms")
            period = wanted
        self._renew(function)
        self.clock.set(function, period, once=False)

    def after(self, function, delay):
        if not self._ending or delay == 0:
            self._renew(function)
            self.clock.set(function, delay and max(1.0, delay), once=True)

    def started(self, function):
        if self._ending:
            return
        self._start_functions.append(function)

    def manage(self, function, socket, interest):
        if function is None:
            self.sockets.unmanage(socket, interest)
        elif not self._ending:
            self._renew(function)
            self.sockets.manage(function, socket, interest)

    def cleanup_handler(self, function):
        self._renew(function)
        replaced, self._cleanup = self._cleanup, function
        return replaced

    def _renew(self, function):
        if self.replaced:
            self._renewed.append(function)

    # The router's part

    def start(self):
        self.running = True
        self.clock.start()
        self.call_start_functions()
        self.step()

    def call_start_functions(self):
        """What one of them registers is called too, after the others."""
        while self._start_functions:
            self.call(self._start_functions.pop(0))

    def stop(self):
        self._ending = True
        function, self._cleanup = self._cleanup, None
        self.clock.clear()
        try:
            if function is not None:
                before = self.tasks.pending()
                self.call(function)
                self._await_cleanup(before)
        finally:
            self._ended = True
            self.sockets.clear()
            self.tasks.close()

    def _await_cleanup(self, before):
        """What the cleanup handler awaits takes as long as it needs, within the limit."""
        deadline = self.clock.now + CLEANUP_MS
        while self.tasks.pending() - before and self.tasks.next_due() <= deadline:
            self.advance(max(0.0, self.tasks.next_due() - self.clock.now))

    def call(self, function, *arguments, current=None):
        token = _current.set(current)
        self._calls += 1
        try:
            result = function(*arguments)
            if is_coroutine(result):
                self.tasks.begin(result)
        finally:
            self._calls -= 1
            _current.reset(token)
        self.step()

    def step(self):
        """Tasks begin and go on when what the router has called returns."""
        if self.running and self._calls == 0:
            self.tasks.step()

    def advance(self, ms):
        self.step()
        self.clock.advance(ms, self.call, self.tasks.next_due, self.step)
        self.step()

    def deliver(self, name, value, function):
        """An event: the handler sees the previous value as inputvalue()."""
        self.channels.add(name)
        self.channels.note(name, "input")
        try:
            if function is not None:
                self.call(function, value, current=name)
        finally:
            self.channels.set_input(name, value)
            for batch in self.batches:
                batch.note(name, value)

    def handled_by_batch(self, name):
        return any(batch.handler is not None and name in batch.names for batch in self.batches)

    def finish_round(self):
        for batch in list(self.batches):
            batch.handle(self.call)

    def begin_reload(self, name, old):
        """Returns a function that undoes all that is registered from now on."""
        self.replaced[name] = old
        self._renewed = []
        undo = [self.clock.snapshot(), self.sockets.snapshot(), self.tasks.snapshot()]
        before = (list(self.batches), self._cleanup, list(self._start_functions), list(self.outputs))

        def restore():
            for each in undo:
                each()
            self.batches, self._cleanup, self._start_functions, self.outputs = before

        return restore

    def drop_old(self, is_meant):
        """Removes the registrations of an old version of a module, except those that the new one has made again."""

        def is_old(function):
            return is_meant(function) and not any(function == each for each in self._renewed)

        self.clock.forget(is_old)
        self.sockets.forget(is_old)
        for batch in self.batches:
            if batch.handler is not None and is_old(batch.handler):
                batch.handler = None
        if self._cleanup is not None and is_old(self._cleanup):
            self._cleanup = None

    # Warnings

    def _warn_unknown(self, name):
        text = "output() on channel '%s', which is not mapped anywhere; it is ignored" % name
        close = difflib.get_close_matches(name, self.channels.names(None), 1)
        self._warn(("unknown", name), text + ("; did you mean '%s'?" % close[0] if close else ""))

    def _warn(self, key, text):
        if key not in self._warned:
            self._warned.add(key)
            self.warnings.append(text)


_instance = Instance()


def current_instance():
    return _instance


def new_instance():
    global _instance
    try:
        _instance.tasks.close()
    except Exception:
        pass  # of a test that is over
    _instance = Instance()
