"""Prints what CPython alone takes for an event, in ns: python3 floor.py LIBRARY CALLS"""

import ctypes
import json
import sys
import time

library = ctypes.PyDLL(sys.argv[1])
calls = int(sys.argv[2])
library.make_empty.restype = ctypes.py_object
library.call.restype = ctypes.c_double
library.call.argtypes = [ctypes.py_object, ctypes.c_long]


def handler(value):
    pass


def emit(count):
    output = library.make_empty()
    started = time.perf_counter()
    for _ in range(count):
        output("o1", 0.625)
    return time.perf_counter() - started


library.call(handler, calls // 10)
emit(calls // 10)
into, out = library.call(handler, calls), emit(calls)
print(json.dumps({"value": (into + out) / calls * 1e9, "in": into / calls * 1e9, "out": out / calls * 1e9}))
