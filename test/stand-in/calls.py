"""Calls of the module's functions, with what they return and raise: run in a router and with the stand-in for tests, which have
to agree. `run(phase)` runs those of a phase; `events` and `log` are what a configuration or testing.send_all() drives."""

import midimonster
import socket

near, far = socket.socketpair()
closed = socket.socket()
closed.close()
log = []


class Half:
    def __float__(self):
        return 0.5


async def later():
    return None


class Lamp:
    def on(self):
        log.append("on")

    def off(self):
        log.append("off")


class Odd:
    def __bool__(self):
        raise OSError("neither true nor false")


lamp = Lamp()


def f(*_):
    pass


def manage_file():
    with open(__file__) as file:
        midimonster.manage(f, file)


LOADING = """
midimonster.channels()
midimonster.channels("input")
midimonster.output("level", 0.25)
midimonster.output("level", 1)
midimonster.output("level", True)
midimonster.output("other", Half())
midimonster.output("over", 128)
midimonster.output("over", -128)
midimonster.output("under", -1)
midimonster.output("nearly", 1 + 1e-9)
midimonster.output("nan", float("nan"))
midimonster.output("inf", float("inf"))
midimonster.output("text", "1")
midimonster.output("none", None)
midimonster.output("huge", 10 ** 400)
midimonster.output(3, 0.5)
midimonster.output(None, 0.5)
midimonster.output("one")
midimonster.output(name="one", value=1)
midimonster.outputvalue("level"), midimonster.outputvalue("over"), midimonster.outputvalue("other")
midimonster.outputvalue("nan"), midimonster.outputvalue("nowhere"), midimonster.inputvalue("level")
midimonster.outputvalue(7)
midimonster.inputvalue(b"level")
midimonster.inputvalue("\\udcff")
midimonster.inputvalue()
midimonster.current()
midimonster.previous()
type(midimonster.timestamp())
midimonster.interval(f, 20)
midimonster.interval(f, 25)
midimonster.interval(f, 25.0)
midimonster.interval(f, 0)
midimonster.interval(lamp.on, 12.345)
midimonster.interval(lamp.on, 0)
midimonster.interval(f, 4)
midimonster.interval(f, 0)
midimonster.interval(f, 25, exact=True)
midimonster.interval(f, 0, exact=True)
midimonster.interval(f, -1)
midimonster.interval(f, float("nan"))
midimonster.interval(f, float("inf"))
midimonster.interval(f, "20")
midimonster.interval(None, 20)
midimonster.interval(f)
midimonster.interval(f, 20, True)
midimonster.interval(f, 20, exakt=True)
midimonster.interval(f, 20, exact=Odd())
midimonster.after(f, 20)
midimonster.after(f, 0)
midimonster.after(f, -1)
midimonster.after(f, None)
midimonster.after(7, 20)
midimonster.after(f, 20, exact=True)
midimonster.started(None)
midimonster.started()
midimonster.manage(f, near)
midimonster.manage(f, near, write=True)
midimonster.manage(f, near, read=False)
midimonster.manage(f, near, read=Odd())
midimonster.manage(None, near)
midimonster.manage(None, near)
midimonster.manage(None, closed)
midimonster.manage(f, closed)
midimonster.manage(f, None)
midimonster.manage(7, near)
midimonster.manage(f, 7)
midimonster.manage(f)
manage_file()
midimonster.channels("inputs")
midimonster.channels("")
midimonster.channels(1)
midimonster.channels("input", "output")
midimonster.cleanup_handler(f)
midimonster.cleanup_handler(len) is f
midimonster.cleanup_handler(None) is len
midimonster.cleanup_handler(None)
midimonster.cleanup_handler(7)
midimonster.checking()
midimonster.task(7)
midimonster.task(f)
midimonster.task(later()).done()
midimonster.batch("level")
midimonster.batch([])
midimonster.batch(["level", "level"])
midimonster.batch([1])
midimonster.batch(3)
midimonster.batch(["level"], 7)
pair.__init__ and (len(pair), pair.names, repr(pair), pair.changed(), type(pair).__module__)
list(pair.inputs), list(pair.outputs)
pair.output([1])
pair.output([0.5, float("nan")])
pair.output(["x", 1])
pair.output([2, 0.5])
pair.outputs.__setitem__(1, 0.75) or pair.output()
list(pair.outputs), midimonster.outputvalue("b1"), midimonster.outputvalue("b2")
pair.inputs.readonly, pair.outputs.readonly, pair.inputs.format
sorted(midimonster.channels())
"""

RUNNING = """
sorted(midimonster.channels())
sorted(midimonster.channels("input"))
sorted(midimonster.channels("output"))
midimonster.current()
midimonster.output("leve", 0.5)
midimonster.output("nothing like it", 7)
midimonster.output("leve", 0.5)
midimonster.output("mapped", 0.5)
midimonster.outputvalue("leve"), midimonster.outputvalue("mapped")
midimonster.batch(["leve"])
midimonster.batch(["mapped"]).output([0.25])
midimonster.outputvalue("mapped")
midimonster.inputvalue("in"), midimonster.inputvalue("calls.handler")
"""

pair = midimonster.batch(["b1", "b2"])


def run(phase):
    results = []
    for call in phase.strip().splitlines():
        try:
            result = repr(eval(call))
        except Exception as error:
            result = type(error).__name__
            # CPython words the number of arguments differently for functions written in C.
            if "argument" not in str(error) and "descriptor" not in str(error):
                result += ": %s" % error
        results.append([call, result])
    return results


def note(text):
    log.append([text, midimonster.current(), midimonster.inputvalue("in"), midimonster.inputvalue("calls.handler")])


def handler(value):
    note("handler %g" % value)


def default(value):
    note("default %g" % value)


def batched(batch):
    note("batch %s %s" % (list(batch.inputs), batch.changed()))


batch = midimonster.batch(["b3", "b4"], batched)
EVENTS = [("calls.handler", 0.5), ("in", 0.25), ("b4", 1), ("b3", 0.5), ("b4", 0.125), ("calls.handler", 1)]


def schedule(then):
    """Calls at times that are far from each other, by which a busy machine keeps their order."""
    log.clear()

    def names(name):
        def function():
            log.append(name)

        return function

    first, second, third = names("first"), names("second"), names("third")
    midimonster.after(third, 250)
    midimonster.after(second, 150)
    midimonster.after(first, 50)
    midimonster.after(names("never"), 50)
    midimonster.after(lamp.on, 50)
    midimonster.after(lamp.on, 200)
    midimonster.after(lamp.off, 10)
    midimonster.after(lamp.off, 0)
    midimonster.interval(lamp.off, 30)

    def off_once():
        midimonster.interval(lamp.off, 0)

    midimonster.after(off_once, 40)

    def again():
        log.append("again")
        if log.count("again") < 3:
            midimonster.after(again, 1)
        else:
            midimonster.after(then, 300)

    midimonster.after(again, 1)
    midimonster.after(lambda: None, 0)
