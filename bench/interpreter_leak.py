"""Prints the memory that CPython itself leaks with each interpreter that ends: python3 bench/interpreter_leak.py"""

import sys

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

ROUNDS = 60


def create():
    if sys.version_info >= (3, 13):
        return interpreters.create("legacy")
    return interpreters.create(isolated=False) if sys.version_info >= (3, 12) else interpreters.create()


def resident_kib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


for _ in range(3):  # the last line is the result, once caches are full
    before = resident_kib()
    for _ in range(ROUNDS):
        interpreter = create()
        interpreters.run_string(interpreter, "import socket, threading, json, os, linecache")
        interpreters.destroy(interpreter)
    print(sys.version.split()[0], round((resident_kib() - before) / ROUNDS), "KiB per interpreter")
