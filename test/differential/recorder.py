# What the generated modules have in common. Every interpreter has its own copy; all write to one log, so its order is
# the order in which the program called them.
import json
import os
import signal

import midimonster

MAX_TICKS = 1000

# The module that imports this sets it: were globals shared between instances, entries would have another's name.
instance = None

log = os.open(os.environ["MMPY_DIFFERENTIAL_LOG"], os.O_RDWR | os.O_APPEND | os.O_CREAT)


def write(*entry):
    os.write(log, json.dumps(entry).encode() + b"\n")


def output(channel, value):
    midimonster.output(channel, value)
    return midimonster.outputvalue(channel)


def call(function, value, peek, transforms):
    channel = midimonster.current()
    before = midimonster.inputvalue(channel)
    seen = [midimonster.inputvalue(peek), midimonster.outputvalue(peek)]
    outputs = [
        output(target, factor * value + offset) for target, factor, offset, above in transforms if value > above
    ]
    write("call", instance, channel, function, value, before, seen, outputs)


def loaded(module, initial):
    outputs = [output(channel, value) for channel, value in initial]
    write("load", instance, module, midimonster.current(), outputs, midimonster.channels())


def end():
    channels = [
        [channel, midimonster.inputvalue(channel), midimonster.outputvalue(channel)]
        for channel in midimonster.channels()
    ]
    write("end", instance, midimonster.current(), channels)


class Driver:
    """Outputs the stimuli one by one, then ends the program.

    calls[n] is how many handler calls there have been when everything before stimulus n is handled. That stimulus waits
    for it, and for one tick more: events without a handler may still be on their way.
    """

    def __init__(self, stimuli, calls):
        self.stimuli = stimuli
        self.calls = calls
        self.next = 0
        self.seen = 0
        self.position = 0
        self.settled = False
        self.ticks = 0

    def tick(self):
        if self.next > len(self.stimuli):
            return
        self.ticks += 1
        if self.ticks > MAX_TICKS:
            write("stuck", instance, self.next, self.seen, self.calls[self.next])
            self.finish()
        elif self.settled:
            self.settled = False
            if self.next == len(self.stimuli):
                self.finish()
            else:
                self.fire()
        else:
            self.settled = self.count() >= self.calls[self.next]

    def count(self):
        data = os.pread(log, os.fstat(log).st_size - self.position, self.position)
        self.position += len(data)
        self.seen += data.count(b'["call"')
        return self.seen

    def fire(self):
        number = self.next
        self.next += 1
        outputs = [output(channel, value) for channel, value in self.stimuli[number]]
        write("stimulus", instance, number, midimonster.current(), outputs)

    def finish(self):
        self.next = len(self.stimuli) + 1
        os.kill(os.getpid(), signal.SIGINT)
