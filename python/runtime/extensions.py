"""Extension modules: which ones this interpreter has imported, and copies of those that interpreters can't share.

Some modules of the standard library keep Python objects in static variables of their library, once for all interpreters:
asyncio.run() in threads of two instances takes the other one's loop; `except json.JSONDecodeError` does not catch the
exception of the instance that has imported `json` first. Such a library is loaded once for each interpreter, from a copy that
exists in memory only. Where that is impossible, asyncio, json and zoneinfo do without, since they are complete in Python, if
slower; the others are shared."""

import _imp
import os
import sys

from .names import file_of

# The first version of CPython in which the module has its state per interpreter.
_SINCE = {"_asyncio": (3, 12), "_decimal": (3, 13), "_json": (3, 10), "_sqlite3": (3, 11), "_zoneinfo": (3, 12)}
OWN = frozenset(name for name, version in _SINCE.items() if sys.version_info < version)
# `decimal` would be, too, but a hundred times slower.
IN_PYTHON_TOO = OWN.difference(["_decimal", "_sqlite3"])

imported = set()  # (name, file) of every extension module whose import has begun, even if sys.modules has lost it
_copies = {}  # name -> path of this interpreter's copy

# In the main interpreter an earlier start may have replaced it.
_create_dynamic = getattr(_imp.create_dynamic, "original", _imp.create_dynamic)


def watch_imports():
    for name, module in list(sys.modules.items()):  # those that .pth files have imported
        path = file_of(module)
        if path is not None and path.endswith(".so"):
            imported.add((name, path))
    # A built-in module has no library that could be copied.
    for name in IN_PYTHON_TOO.intersection(sys.builtin_module_names):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # as importlib documents it
    setattr(create_dynamic, "original", _create_dynamic)
    _imp.create_dynamic = create_dynamic


def create_dynamic(spec, file=None):
    """Replaces _imp.create_dynamic(), which importlib calls for every extension module."""
    imported.add((spec.name, spec.origin))
    if spec.name not in OWN or "/lib-dynload/" not in spec.origin:
        return _create_dynamic(spec)
    path = _copies.get(spec.name)
    copy = None
    try:
        if path is None:
            copy, path = _copy(spec.origin)
        module = _create_dynamic(type(spec)(spec.name, spec.loader, origin=path))
    except (OSError, AttributeError, ImportError) as error:  # memory can't be executed, or there are no such files
        if spec.name not in IN_PYTHON_TOO:
            return _create_dynamic(spec)
        raise ImportError("no copy of %s can be made: %s" % (spec.origin, error), name=spec.name) from None
    finally:
        if copy is not None:
            os.close(copy)
    _copies[spec.name] = path
    return module


def _copy(path):
    """A descriptor of a copy in memory, and a path to it under which no other library was ever loaded: both the dynamic
    loader and CPython take the same path for the same library, and a descriptor's number is soon used again."""
    copy = os.memfd_create(os.path.basename(path))
    try:
        with open(path, "rb") as library:
            content = memoryview(library.read())
        while content:
            content = content[os.write(copy, content) :]
        # The number of the file, as directories that change nothing.
        distinct = bin(os.fstat(copy).st_ino)[2:].replace("1", "./").replace("0", "/")
        return copy, "/proc/self/fd/%s%d" % (distinct, copy)
    except BaseException:
        os.close(copy)
        raise
