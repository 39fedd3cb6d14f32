"""Permanent intervals, and their punctuality."""

import collections
import time

import counts
import midimonster
from counts import now_and_then


class Ticker:
    """An interval, and the deviations of the gaps between its calls from its period."""

    def __init__(self, period):
        self.period = period
        self.first = self.last = None
        self.calls = 0
        self.off = collections.Counter()  # deviations in whole ms, and how often each occurred
        midimonster.interval(self.tick, period)

    def tick(self):
        now = time.monotonic() * 1000
        if self.last is None:
            self.first = now
        else:
            self.off[min(10_000, round(abs(now - self.last - self.period)))] += 1
        self.last = now
        self.calls += 1
        for number in range(1, 51 if self.period == 10 else 2):
            midimonster.output("tick%d" % number, 1)
            counts.counts["ticks"] += 1
        now_and_then()

    def figures(self):
        total = sum(self.off.values())
        seen = 0
        for p99, number in sorted(self.off.items()):
            seen += number
            if seen >= 0.99 * total:
                break
        steps = round((self.last - self.first) / self.period)
        return {
            "period": self.period,
            "calls": self.calls,
            "skipped": steps + 1 - self.calls,
            "phase": self.last - self.first - steps * self.period,
            "p99": p99,
            "worst": max(self.off),
        }


tickers = [Ticker(period) for period in (10, 20, 50, 100, 500)]


def stop(value):
    for ticker in tickers:
        midimonster.interval(ticker.tick, 0)
    counts.stopped("clock")


def report(value):
    counts.report("clock", intervals=[ticker.figures() for ticker in tickers])
