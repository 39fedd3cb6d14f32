"""task() and `async def`: coroutines run on an event loop whose time is the test's clock."""

import contextvars
import math
import types


class Tasks:
    def __init__(self, clock):
        self._clock = clock
        self._loop = None  # made when the first coroutine comes, since asyncio takes a while to import
        self._tasks = {}  # those that have not ended -> the globals of the module that called task(), or None
        self._carried = set()  # in a reload: those that the new version has taken over

    def begin(self, coroutine, owner=None):
        """A coroutine that a function has returned."""
        task = self._event_loop().create_task(coroutine)
        self._tasks[task] = owner
        return task

    def make(self, coroutine, owner):
        """midimonster.task()"""
        import asyncio

        if isinstance(coroutine, asyncio.Task):
            self._tasks[coroutine] = owner
            self._carried.add(coroutine)
            return coroutine
        if not asyncio.iscoroutine(coroutine):
            hint = ": call the function, and pass what it returns" if callable(coroutine) else ""
            raise TypeError("task() takes a coroutine, not %s%s" % (type(coroutine).__name__, hint))
        return contextvars.Context().run(self.begin, coroutine, owner)

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
            del self._tasks[task]
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()

    def next_due(self):
        """When the next one waits to go on, in ms."""
        waiting = getattr(self._loop, "_scheduled", ())
        return min((handle.when() * 1000 for handle in waiting if not handle.cancelled()), default=math.inf)

    def pending(self):
        return {task for task in self._tasks if not task.done()}

    def snapshot(self):
        """For a reload: returns a function that cancels what has begun since."""
        before = dict(self._tasks)
        self._carried = set()

        def restore():
            for task in self._tasks:
                if task not in before:
                    task.cancel()  # so that its coroutine never begins
            self._tasks.update(before)

        return restore

    def forget(self, is_meant):
        """Cancels the tasks of a module, given as its globals: those that it began, and those of its coroutines."""
        for task, owner in self._tasks.items():
            frame = getattr(task.get_coro(), "cr_frame", None)
            if task not in self._carried and (is_meant(owner) or (frame is not None and is_meant(frame.f_globals))):
                task.cancel()

    def close(self):
        for task in self._tasks:
            task.cancel()
        try:
            self.step()
        finally:
            if self._loop is not None:
                self._loop.close()
                self._loop = None


def is_coroutine(result):
    return type(result) is types.CoroutineType
