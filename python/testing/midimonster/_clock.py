"""The time, which only a test moves, and the functions that are called at times."""

import copy
import math


class _Timer:
    def __init__(self, function, once, period, now, order):
        self.function = function
        self.once = once
        self.order = order
        self.begin(period, now)

    def begin(self, period, now):
        self.period = period
        self.start = now
        self.next = now + period

    def change(self, period, now):
        """The new period counts from the last call, or from the start."""
        if period != self.period:
            self.start = self.next - self.period
            self.period = period
            self.skip(now)

    def skip(self, now):
        """To the first time after now that it is due."""
        calls = math.floor((now - self.start) / self.period) + 1
        self.next = self.start + calls * self.period
        if self.next <= now:  # by rounding
            self.next = self.start + (calls + 1) * self.period


class Clock:
    def __init__(self):
        self.now = 0.0  # in ms
        self._timers = []  # in order of registration
        self._registered = 0

    def set(self, function, period, once):
        """Registers a function, changes its time, or cancels it with 0."""
        known = next((timer for timer in self._timers if timer.once == once and timer.function == function), None)
        if known is None:
            if period != 0:
                self._timers.append(_Timer(function, once, period, self.now, self._registered))
                self._registered += 1
        elif period == 0:
            self._timers.remove(known)
        elif once:
            known.begin(period, self.now)
        else:
            known.change(period, self.now)

    def start(self):
        for timer in self._timers:
            timer.begin(timer.period, self.now)

    def forget(self, is_meant):
        self._timers = [timer for timer in self._timers if not is_meant(timer.function)]

    def clear(self):
        self._timers = []

    def snapshot(self):
        timers = [copy.copy(timer) for timer in self._timers]

        def restore():
            self._timers = timers

        return restore

    def advance(self, ms, call, others_due, others):
        """Moves the time, and calls what is due on the way, each at its time; `others` when something else is due."""
        end = self.now + ms
        while True:
            due = min(self._timers, key=lambda timer: (timer.next, timer.order), default=None)
            other = others_due()
            if other <= end and (due is None or other < due.next):
                self.now = max(self.now, other)
                others()
                continue
            if due is None or due.next > end:
                break
            self.now = max(self.now, due.next)
            if due.once:
                self._timers.remove(due)
            else:
                due.skip(self.now)
            call(due.function)
        self.now = max(self.now, end)
