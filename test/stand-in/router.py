"""What midimonster.testing does in a router's place: checked with assertions, so that a traceback shows what does not hold."""

import os
import socket

import midimonster
from midimonster import testing


def raises(kind, text, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError("nothing raised")


def write(name, text):
    with open(name, "w") as file:
        file.write("import midimonster\n" + text)


# The clock
ticks = []
midimonster.interval(lambda: ticks.append(("rounded", midimonster.timestamp())), 20)
midimonster.interval(lambda: ticks.append(("exact", midimonster.timestamp())), 12.5, exact=True)
midimonster.after(lambda: ticks.append(("once", midimonster.timestamp())), 20)
testing.advance(19)
assert ticks == [("exact", 12)]
testing.advance(21)
assert ticks[1:] == [("rounded", 20), ("once", 20), ("exact", 25), ("exact", 37), ("rounded", 40)], ticks
testing.advance(60_000)
assert len(ticks) == 6 + 3_000 + 4_800
assert midimonster.timestamp() == 60_040

# What fails reaches the test, and nothing is left of it
testing.reset()
midimonster.interval(lambda: 1 / 0, 10)
raises(ZeroDivisionError, "division", testing.advance, 10)
assert midimonster.current() is None and midimonster.timestamp() == 10

# Events: names, values, rounds
testing.reset()
write("desk.py", "def fader(value): midimonster.output('dimmer', value ** 2)\nclass Row:\n    def fader(self, value): fader(1)\nrow = Row()\n")
raises(LookupError, "no module 'desk' has been loaded", testing.send, "desk.fader", 0.5)
testing.load("desk")
raises(LookupError, "'desk' has no 'fadr'; did you mean 'desk.fader'?", testing.send, "desk.fadr", 0.5)
raises(LookupError, "'desk.row' is of type Row and can't be called", testing.send, "desk.row", 0.5)
raises(ValueError, "from 0.0 to 1.0, not 127", testing.send, "desk.fader", 127)
testing.send("desk.fader", 0.5)
testing.send("desk.row.fader", 0)
testing.send("kept", 0.75)
assert testing.outputs() == [("dimmer", 0.25), ("dimmer", 1)] and testing.outputs("dimmer") == [0.25, 1]
assert midimonster.inputvalue("kept") == 0.75 and midimonster.inputvalue("desk.fader") == 0.5
assert midimonster.channels("input") == ["desk.fader", "desk.row.fader", "kept"]
assert midimonster.channels("output") == ["dimmer"]
testing.clear()
assert testing.outputs() == [] and midimonster.outputvalue("dimmer") == 1
testing.start(inputs=["desk.fader"])
raises(LookupError, "'other' is not among the inputs", testing.send, "other", 0.5)

# Coroutines
testing.reset()
write(
    "glide.py",
    """
import asyncio
async def fade(value):
    for step in range(1, 4):
        await asyncio.sleep(0.1)
        midimonster.output('level', step / 4)
        assert midimonster.current() == 'glide.fade'
async def beside():
    assert midimonster.current() is None
    await asyncio.sleep(0.25)
    midimonster.output('beside', 1)
async def fails(value):
    await asyncio.sleep(1)
    raise ValueError('late')
task = midimonster.task(beside())
""",
)
glide = testing.load("glide")
testing.send("glide.fade", 1)
testing.advance(99)
assert testing.outputs() == []
testing.advance(1)
assert testing.outputs() == [("level", 0.25)]
testing.advance(200)
assert testing.outputs()[1:] == [("level", 0.5), ("beside", 1), ("level", 0.75)], testing.outputs()
testing.send("glide.fails", 1)
raises(ValueError, "late", testing.advance, 1000)
assert midimonster.timestamp() == 1300
testing.stop()

# Sockets are real ones
testing.reset()
near, far = socket.socketpair()
read = []
midimonster.manage(lambda sock: read.append(sock.recv(10)), near)
midimonster.manage(lambda sock: read.append("write"), near, write=True)
far.send(b"x")
assert testing.poll() == 2 and read == [b"x", "write"]
midimonster.manage(None, near, write=True)
assert testing.poll() == 0
midimonster.manage(None, near)
far.send(b"x")
assert testing.poll() == 0

# Reloading
testing.reset()
version = """
previous = midimonster.previous()
number = 1 if previous is None else previous.number + 1
def tick(): midimonster.output('tick', number / 100)
def other(): midimonster.output('other', number / 100)
def kept(): midimonster.output('kept', number / 100)
if previous: midimonster.interval(previous.kept, 10)
else: midimonster.interval(kept, 10)
midimonster.interval(tick, 10)
if number == 1: midimonster.after(other, 10)
midimonster.started(lambda: midimonster.output('started', number / 100))
"""
write("show.py", version)
testing.load("show")
testing.start()
assert testing.outputs() == [("started", 0.01)]
write("show.py", version + "1/0\n")
raises(ZeroDivisionError, "division", testing.reload, "show")
assert midimonster.previous() is None and testing.outputs() == [("started", 0.01)]
write("show.py", version)
assert testing.reload("show").number == 2
testing.advance(10)
assert testing.outputs()[1:] == [("started", 0.02), ("kept", 0.01), ("tick", 0.02)], testing.outputs()

# Tasks, in a reload that fails and one that succeeds: one is carried on, one is not
testing.reset()
version = """
import asyncio
previous = midimonster.previous()
number = 1 if previous is None else previous.number + 1
async def run(name, pause):
    try:
        while True:
            midimonster.output(name, number / 100)
            await asyncio.sleep(pause)
    finally:
        midimonster.output(name + ' ends', number / 100)
carried = midimonster.task(run('carried', 10) if previous is None else previous.carried)
replaced = midimonster.task(run('replaced', 20))
"""
write("tasks.py", version)
testing.load("tasks")
testing.start()
testing.clear()
write("tasks.py", version + "1/0\n")
raises(ZeroDivisionError, "division", testing.reload, "tasks")
testing.advance(10_000)
assert testing.outputs() == [("carried", 0.01)], testing.outputs()
write("tasks.py", version)
testing.clear()
testing.reload("tasks")
testing.advance(10_000)
assert sorted(testing.outputs()) == [("carried", 0.01), ("replaced", 0.02), ("replaced ends", 0.01)], testing.outputs()
left = testing.reload("tasks").replaced
testing.reset()
assert left.cancelled() and testing.outputs() == []

# A cleanup handler that waits
testing.reset()
write(
    "late.py",
    """
import asyncio
async def cleanup():
    await asyncio.sleep(5)
    midimonster.output('goodbye', 1)
async def endless():
    while True: await asyncio.sleep(3)
midimonster.cleanup_handler(cleanup)
task = midimonster.task(endless())
""",
)
late = testing.load("late")
testing.start()
testing.stop()
assert testing.outputs() == [("goodbye", 1)] and late.task.cancelled() and midimonster.timestamp() == 5000
raises(RuntimeError, "the instance is ending", midimonster.task, late.endless())

# The end
testing.reset()
said = []
midimonster.cleanup_handler(lambda: said.append("bye") or midimonster.interval(print, 10))
testing.stop()
testing.stop()
testing.advance(20)
assert said == ["bye"]
assert midimonster.checking() is False
print("all of it holds, of", os.path.basename(os.path.dirname(midimonster.__file__)))
