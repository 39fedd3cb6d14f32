"""Prints the cost of calling many different Python functions, in plain CPython: python3 bench/many_functions.py

Each call needs the function, its code and its constants, which no longer fit into any cache beyond some number of functions."""

import time


def nanoseconds_per_call(functions, calls=2_000_000):
    source = "".join("def f%d(value):\n    output('o%d', str)\n" % (n, n) for n in range(functions))
    namespace = {"output": isinstance}  # a C function with two arguments
    exec(source, namespace)
    handlers = [namespace["f%d" % n] for n in range(functions)]
    for handler in handlers:
        handler(0.5)
    rounds = max(1, calls // functions)
    started = time.perf_counter()
    for _ in range(rounds):
        for handler in handlers:
            handler(0.5)
    return (time.perf_counter() - started) / (rounds * functions) * 1e9


for functions in (1024, 8192, 131072):
    print("%6d functions: %3.0f ns per call" % (functions, nanoseconds_per_call(functions)))
