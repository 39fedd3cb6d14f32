"""Prints by how much the number of references grows with 100 interpreters that start and end, after ten more: CPython's own
loss. They do what an instance's interpreter does with cycle.py, without any of this program's native part.

python3-dbg bare.py START.PY"""

import gc
import os
import sys

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

# In the main interpreter first: else each further one that imports them costs more.
import json
import socket
import threading

RUN = """
import sys, types

def nothing(*arguments): pass

midimonster = types.ModuleType("midimonster")
for name in ("output", "interval", "manage", "cleanup_handler", "batch"):
    setattr(midimonster, name, nothing)
sys.modules["midimonster"] = midimonster
namespace = {"__name__": "_mmpy.start", "__file__": %(start)r, "compiled": {}}
namespace.update(raise_in_thread=nothing, share_environment=nothing, environment=dict, kept=None)
namespace.update(can_fork=nothing, refuse_fork=nothing, is_forked=nothing, after_fork=nothing, write_stream=nothing)
with open(%(start)r) as file:
    exec(compile(file.read(), %(start)r, "exec"), namespace)
namespace["prepare"](%(folder)r, "")
error = namespace["load_module"]("cycle", %(folder)r)
assert error is None, error
cycle = sys.modules["cycle"]
try:
    cycle.fail(0.5)
except ValueError as raised:
    namespace["describe_exception"](raised)
cycle.go(0.5)
cycle.read(cycle.near)
cycle.close()
namespace["release_thread_pools"]()
namespace["join_ordinary_threads"](2.0)
namespace["run_exit_functions"]()
namespace["interrupt_threads"]()
assert namespace["threads_left"](0.5) == []
""" % {"start": sys.argv[1], "folder": os.path.dirname(os.path.abspath(__file__))}


def create():
    if sys.version_info >= (3, 13):
        return interpreters.create("legacy")
    return interpreters.create(isolated=False)


def cycle():
    interpreter = create()
    interpreters.run_string(interpreter, RUN)
    interpreters.destroy(interpreter)


def references():
    gc.collect()
    return sys.gettotalrefcount()


for _ in range(10):
    cycle()
before = references()
before = references()  # again, since counting for the first time makes some itself
for _ in range(100):
    cycle()
print(references() - before)
