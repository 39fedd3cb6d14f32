"""task() and `async def`: coroutines run on an event loop whose time is the test's clock."""

import contextvars
import math
import types


class Tasks:
    def __init__(self, clock):
        self._clock = clock
        self._loop = None  # made when the first coroutine comes, since asyncio takes a while to import
        self._tasks = []

    def begin(self, coroutine):
        """A coroutine that a function has returned."""
        task = self._event_loop().create_task(coroutine)
        self._tasks.append(task)
        return task

    def make(self, coroutine):
        """midimonster.task()"""
        import asyncio

        if isinstance(coroutine, asyncio.Task):
            self._tasks.append(coroutine)
            return coroutine
        if not asyncio.iscoroutine(coroutine):
            hint = ": call the function, and pass what it returns" if callable(coroutine) else ""
            raise TypeError("task() takes a coroutine, not %s%s" % (type(coroutine).__name__, hint))
        return contextvars.Context().run(self.begin, coroutine)

    def _event_loop(self):
        if self._loop is None:
            import asyncio

            clock = self._clock

            class Loop(asyncio.SelectorEventLoop):
                def time(self):
                    return clock.now / 1000

            self._loop = Loop()
        return self._loop

    def step(self):
        """Runs all coroutines until they wait. Raises the exception of one that has failed."""
        loop = self._loop
        if loop is None or loop.is_running():
            return
        while True:
            loop.call_soon(loop.stop)
            loop.run_forever()
            if not getattr(loop, "_ready"):
                break
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.remove(task)
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()

    def next_due(self):
        """When the next one waits to go on, in ms."""
        waiting = getattr(self._loop, "_scheduled", ())
        return min((handle.when() * 1000 for handle in waiting if not handle.cancelled()), default=math.inf)

    def cancel(self, is_meant=lambda module: True):
        """Cancels the tasks whose coroutine was defined by a module, given as its globals."""
        for task in self._tasks:
            frame = getattr(task.get_coro(), "cr_frame", None)
            if frame is not None and is_meant(frame.f_globals):
                task.cancel()

    def close(self):
        self.cancel()
        self.step()
        if self._loop is not None:
            self._loop.close()
            self._loop = None


def is_coroutine(result):
    return type(result) is types.CoroutineType
