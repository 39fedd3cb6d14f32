"""Which modules are user code in the main interpreter, and their removal."""

import sys

from .modules import loaded
from .names import exact, file_of, namespace_of
from .native import kept


def forget_user_modules():
    assert kept is not None
    before = kept["state"]["modules"]
    gone = [name for name, module in list(sys.modules.items()) if before.get(name) is not module and _is_user_code(name, module)]
    for name in gone:
        module = sys.modules.pop(name, None)
        package, _, attribute = name.rpartition(".")
        parent = namespace_of(sys.modules.get(package))
        if parent.get(attribute) is module and module is not None:
            del parent[attribute]
    linecache = sys.modules.get("linecache")  # not imported for this: no descriptors may be left to read it with
    if linecache is not None:
        linecache.clearcache()


def _is_user_code(name, module):
    top = name.partition(".")[0]
    # What the configuration loads has to run again, although it may be installed.
    if name == "midimonster" or top in {one.partition(".")[0] for one in loaded} or _uses_midimonster(module):
        return True
    file = file_of(module)
    if file is not None:
        return not _is_in_library(file)
    spec = namespace_of(module).get("__spec__")
    if getattr(spec, "origin", None) in ("built-in", "frozen"):
        return False
    places = namespace_of(module).get("__path__")
    if places is not None:  # a namespace package
        return not all(_is_in_library(str(place) + "/") for place in places)
    # One that code has made: it belongs to its package.
    return top == name or top not in sys.modules or _is_user_code(top, sys.modules[top])


def _uses_midimonster(module):
    midimonster = sys.modules.get("midimonster")
    functions = {id(value) for value in namespace_of(midimonster).values() if callable(value)}
    return any(
        value is midimonster or id(value) in functions for value in list(namespace_of(module).values()) if value is not None
    )


def _is_in_library(path):
    import os

    path = exact(path)
    libraries = {os.path.dirname(os.__file__) + os.sep, sys.base_prefix + "/lib/python3"}
    return (
        "/site-packages/" in path or "/dist-packages/" in path or any(path.startswith(folder) for folder in libraries)
    )
