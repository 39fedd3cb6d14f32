"""Places where the native part runs Python code. Each function brings its place about, and has `back` called there."""

import asyncio
import gc
import socket
import sys
import threading

import midimonster
from functions import pairs, quiet


class Once:
    """Calls back, but not while it does so already."""

    def __init__(self, back):
        self.back = back
        self.inside = False

    def __call__(self, *_):
        if self.inside:
            return
        self.inside = True
        try:
            self.back()
        finally:
            self.inside = False


class Dies:
    def __init__(self, back):
        self.back = back

    def __call__(self, *_):
        pass

    def __del__(self):
        self.back()


def in_handler(back):
    back()


def in_float(back):
    class Value:
        def __float__(self):
            back()
            return 0.5

    midimonster.output("b1", Value())


def in_bool(back):
    class Flag:
        def __bool__(self):
            back()
            return True

    midimonster.interval(in_bool, 10_000, exact=Flag())
    midimonster.interval(in_bool, 0, exact=Flag())


def in_eq(back):
    class Function:
        def __call__(self):
            pass

        def __eq__(self, other):
            back()
            return False

        __hash__ = None

    midimonster.interval(Function(), 10_000)
    midimonster.interval(Function(), 10_000)
    midimonster.interval(Function(), 0)
    # Soon over, or there would be ever more to compare with.
    midimonster.after(Function(), 1)
    midimonster.after(Function(), 1)


class Lying:
    """A socket of which user code asks what it does."""

    def __init__(self, sock, back, how):
        self.sock, self.back, self.how = sock, back, how

    def recv(self, size):
        return self.sock.recv(size)

    def __getattribute__(self, name):
        if name == "fileno" and object.__getattribute__(self, "how") == "attribute":
            object.__getattribute__(self, "back")()
        return object.__getattribute__(self, name)

    def fileno(self):
        if self.how == "call":
            self.back()
        return self.sock.fileno()


def in_fileno(back):
    for how in ("call", "attribute"):
        lying = Lying(pairs[0][0], back, how)
        midimonster.manage(lambda sock: None, lying)
        midimonster.manage(lambda sock: None, Lying(pairs[0][0], back, how))
        midimonster.manage(None, lying)
        midimonster.manage(None, Lying(pairs[1][0], back, how))


def in_batch_names(back):
    class Names:
        def __iter__(self):
            for name in ("b1", "b2"):
                back()
                yield name

    midimonster.batch(Names())
    midimonster.batch(Names(), lambda batch: None)


def in_batch_values(back):
    class Value:
        def __float__(self):
            back()
            return 0.5

    midimonster.batch(["b1", "b2"]).output([Value(), Value()])


def in_index(back):
    class Number:
        def __index__(self):
            back()
            return 1

        __int__ = __index__

    for function in (midimonster.batch(["b1"])._output, midimonster.batch(["b1"])._changed):
        try:
            function(Number())
        except (TypeError, RuntimeError):
            pass


def in_name_del(back):
    left = 20

    class Name(str):
        def __del__(self):
            nonlocal left
            left -= 1
            if left >= 0:
                back()

    for _ in range(3000):
        midimonster.inputvalue(Name("b1"))


def in_type_name(back):
    class Meta(type):
        def __getattribute__(cls, name):
            back()
            return type.__getattribute__(cls, name)

    class Odd(metaclass=Meta):
        pass

    for function in (midimonster.inputvalue, lambda name: midimonster.output(name, 1)):
        try:
            function(Odd())
        except TypeError:
            pass


def in_replaced_del(back):
    near, far = socket.socketpair()
    midimonster.manage(Dies(back), near)
    midimonster.manage(Dies(back), near)
    midimonster.manage(None, near)
    midimonster.cleanup_handler(Dies(back))
    midimonster.cleanup_handler(None)
    dies = Dies(back)
    midimonster.interval(dies, 10_000)
    midimonster.interval(dies, 0)
    midimonster.interval(dies, 12.5, exact=True)
    midimonster.interval(dies, 0)
    midimonster.after(dies, 10_000)
    midimonster.after(dies, 0)
    del dies
    near.close()
    far.close()


def in_str_of_exception(back):
    class Odd(Exception):
        def __str__(self):
            back()
            return "odd"

    raise Odd


def in_result_del(back):
    return Dies(back)


def in_collector(back):
    once = Once(back)

    def collects(phase, details):
        once()

    before = gc.get_threshold()
    gc.callbacks.append(collects)
    gc.set_threshold(1)
    try:
        midimonster.channels()
        midimonster.batch(["b1", "b2"]).changed()
        midimonster.batch(["b1"], lambda batch: None)
        midimonster.interval(lambda: None, 10_000)
        midimonster.manage(lambda sock: None, quiet[0])
        midimonster.output("nowhere at all", 1)
        midimonster.current()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(collects)


def in_trace(back):
    """Every line of the Python part."""
    once = Once(back)

    def trace(frame, event, argument):
        once()
        return trace

    sys.settrace(trace)
    try:
        midimonster.batch(["b1", "b2"])
        midimonster.previous()
        in_fileno(lambda: None)
    finally:
        sys.settrace(None)


def in_getrefcount(back):
    real = sys.getrefcount

    def lies(found):
        back()
        return 2

    sys.getrefcount = lies
    try:
        midimonster.batch(["b1"])
        midimonster.batch(["b2"])
    finally:
        sys.getrefcount = real


def in_unraisable(back):
    class Fails:
        def __del__(self):
            raise ValueError("in a finalizer")

    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: back()
    Fails()
    sys.unraisablehook = before


def in_thread(back):
    thread = threading.Thread(target=back)
    thread.start()
    thread.join()


def in_thread_that_raises(back):
    class Odd(Exception):
        def __str__(self):
            back()
            return "odd"

    def raises():
        raise Odd

    thread = threading.Thread(target=raises)
    thread.start()
    thread.join()


AT_ONCE = {
    "a handler": in_handler,
    "__float__() of a value": in_float,
    "__bool__() of exact": in_bool,
    "__eq__() of an interval function": in_eq,
    "fileno() while it is registered": in_fileno,
    "the names of a batch": in_batch_names,
    "the values of a batch": in_batch_values,
    "__index__() of a batch's number": in_index,
    "__del__() of a name": in_name_del,
    "what names a type": in_type_name,
    "__del__() of what is replaced": in_replaced_del,
    "__str__() of an exception": in_str_of_exception,
    "__del__() of a handler's result": in_result_del,
    "the garbage collector": in_collector,
    "a trace function": in_trace,
    "a replaced sys.getrefcount()": in_getrefcount,
    "sys.unraisablehook": in_unraisable,
    "a thread": in_thread,
    "__str__() of a thread's exception": in_thread_that_raises,
}


def soon_interval(back):
    def ticks():
        midimonster.interval(ticks, 0)
        back()

    midimonster.interval(ticks, 10)


def soon_exact(back):
    def ticks():
        midimonster.interval(ticks, 0)
        back()

    midimonster.interval(ticks, 1.5, exact=True)


def soon_delayed(back):
    midimonster.after(back, 1)


def soon_delayed_del(back):
    midimonster.after(Dies(back), 1)


def soon_started(back):
    midimonster.started(back)


def soon_started_del(back):
    midimonster.started(Dies(back))


def soon_task(back):
    async def task():
        await asyncio.sleep(0)
        back()

    midimonster.task(task())


def soon_callback_of_loop(back):
    async def task():
        asyncio.get_running_loop().call_later(0.001, back)

    midimonster.task(task())


def soon_task_exception(back):
    class Odd(Exception):
        def __str__(self):
            back()
            return "odd"

    async def task():
        raise Odd

    midimonster.task(task())


def soon_first_step(back):
    async def tick():
        midimonster.interval(tick, 0)
        back()

    midimonster.interval(tick, 10)


def soon_socket(back):
    near, far = pairs[0]

    def reads(sock):
        sock.recv(1)
        back()

    midimonster.manage(reads, near)
    far.send(b"x")


def soon_several_sockets(back):
    for near, far in pairs:

        def reads(sock):
            sock.setblocking(False)
            try:
                sock.recv(1)
            except OSError:
                pass
            back()

        midimonster.manage(reads, near)
        far.send(b"x")


def soon_fileno(back):
    near, far = pairs[0]
    lying = Lying(near, lambda: None, "call")
    midimonster.manage(lambda sock: sock.recv(1), lying)
    lying.back = back
    far.send(b"x")


def soon_socket_exception(back):
    class Odd(Exception):
        def __str__(self):
            back()
            return "odd"

    near, far = pairs[0]

    def raises(sock):
        sock.recv(1)
        raise Odd

    midimonster.manage(raises, near)
    far.send(b"x")


def soon_closed_socket(back):
    near, far = socket.socketpair()
    midimonster.manage(Dies(back), near)
    near.close()
    far.close()


def soon_batch(back):
    kept = []

    def handles(batch):
        batch.changed()
        back()
        kept.clear()

    kept.append(midimonster.batch(["b4"], handles))
    midimonster.output("again", 1)


SOON = {
    "a task": soon_task,
    "a callback of its loop": soon_callback_of_loop,
    "__str__() of a task's exception": soon_task_exception,
    "the first step of a coroutine": soon_first_step,
    "an interval function": soon_interval,
    "an exact interval's function": soon_exact,
    "a delayed function": soon_delayed,
    "__del__() of a delayed function": soon_delayed_del,
    "a start function": soon_started,
    "__del__() of a start function": soon_started_del,
    "a socket function": soon_socket,
    "several socket functions": soon_several_sockets,
    "fileno() of a socket with data": soon_fileno,
    "__str__() of a socket function's exception": soon_socket_exception,
    "__del__() of a function whose socket was closed": soon_closed_socket,
    "a batch's handler": soon_batch,
}
