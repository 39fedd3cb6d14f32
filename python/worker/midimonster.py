"""Stands in for the module `midimonster` in the worker processes of multiprocessing, which have no instance: modules that
import it can be imported. While they are, calls do nothing; afterwards they raise RuntimeError."""

import sys


def _stand_in(name, result=None):
    def function(*_arguments, **_options):
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return result
            frame = frame.f_back
        raise RuntimeError(
            "midimonster.%s() can't be used in a worker process; return the values, and output them in the instance" % name
        )

    function.__name__ = function.__qualname__ = name
    return function


class Batch:
    """What batch() returns here: there are no events in a worker."""

    def __init__(self, names, _handler=None):
        self.names = tuple(names)
        self.inputs = memoryview(bytes(8 * len(self.names))).cast("d")
        self.outputs = memoryview(bytearray(8 * len(self.names))).cast("d")

    def __len__(self):
        return len(self.names)

    def changed(self):
        return []

    output = _stand_in("Batch.output")


def batch(names, handler=None):
    return Batch(names, handler)


output = _stand_in("output")
inputvalue = _stand_in("inputvalue", 0.0)
outputvalue = _stand_in("outputvalue", 0.0)
current = _stand_in("current")
timestamp = _stand_in("timestamp", 0)
interval = _stand_in("interval")
after = _stand_in("after")
started = _stand_in("started")
manage = _stand_in("manage")
channels = _stand_in("channels", [])
cleanup_handler = _stand_in("cleanup_handler")
previous = _stand_in("previous")
checking = _stand_in("checking", False)
_task = _stand_in("task")


def task(coroutine, /):
    close = getattr(coroutine, "close", None)  # otherwise Python warns that it was never awaited
    if close is not None:
        close()
    return _task(coroutine)
