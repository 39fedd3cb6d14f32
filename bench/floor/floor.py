"""Measures the cost of an event in CPython alone; see floor.c. Imported by the modules of a case."""

import ctypes
import time


def handler(value):
    pass


def emit(output, count):
    started = time.perf_counter()
    for _ in range(count):
        output("o1", 0.625)
    return time.perf_counter() - started


def measure(file, count):
    """Nanoseconds: `floor` for calling a handler and an output function, `change` for switching interpreters. `file` is
    the shared library compiled from floor.c."""
    library = ctypes.PyDLL(file)
    library.make_empty.restype = ctypes.py_object
    library.call.restype = library.change.restype = ctypes.c_double
    library.call.argtypes = [ctypes.py_object, ctypes.c_long]
    library.change.argtypes = [ctypes.c_long]
    output = library.make_empty()
    library.call(handler, count // 10)
    emit(output, count // 10)
    seconds = library.call(handler, count) + emit(output, count)
    return {"floor": seconds / count * 1e9, "change": library.change(count) / count * 1e9}
