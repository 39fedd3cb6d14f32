"""Finding the functions that channel names refer to."""

import sys

from .exceptions import describe_exception
from .modules import loaded
from .names import Function, namespace_of, type_name, unwrapped
from .signatures import refusal

_Dictionaries = (dict, type(type.__dict__))
_expects_coroutines = False
_CO_COROUTINE = 0x80  # in the flags of a function's code


def resolve(channel):
    """Finds the function that a channel's name refers to.

    Returns (function, None, [], []) or (None, problem, candidates, advice): candidates are names that may have been meant. A
    name without a dot may refer to a function of __main__, or to none: (None, None, candidates, []).
    """
    parts = channel.split(".")
    if len(parts) == 1:
        try:
            function = getattr(sys.modules.get("__main__"), channel, None)
        except BaseException:  # user code may have put something else there
            function = None
        if callable(function):
            return _checked(function)
        return (None, None, _functions_named(channel), [])
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        if name in sys.modules:
            return _walk(sys.modules[name], name, parts[end:])
    advice = ["a name with a dot is the path of a function, MODULE.FUNCTION; names of other channels have none"]
    return (None, "this instance has not loaded a module '%s'" % parts[0], _paths_like(parts[1:]), advice)


def _checked(function):
    found = refusal(function)
    return (function, None, [], []) if found is None else (None, found[0], [], found[1])


def _walk(found, path, names):
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            candidates = ["%s.%s" % (path, other) for other in _callables(found)]
            return (None, "'%s' has no '%s'" % (path, name), candidates, [])
        except BaseException as error:
            text = describe_exception(error)[-1]
            return (None, "looking up '%s' in '%s' failed:\n%s" % (name, path, text), [], [])
        path = "%s.%s" % (path, name)
    _expect_coroutines(found)
    if not callable(found):
        return (None, "'%s' is of type %s and can't be called" % (path, type_name(type(found))), [], [])
    return _checked(found)


def _functions_named(name):
    """Functions of this name in modules that the configuration loads. Not those written in C: they are imported ones."""
    found = []
    for module in loaded:
        value = namespace_of(sys.modules.get(module)).get(name)
        if type(unwrapped(value)) is Function:
            found.append("%s.%s" % (module, name))
    return found


def _paths_like(names):
    """Paths of callables that may have been meant by these names, in another module than the one that was named."""
    [first, *rest] = names
    paths = []
    for module in loaded:
        owner = sys.modules.get(module)
        callables = _callables(owner) if owner is not None else []
        if first in callables and not rest:
            return ["%s.%s" % (module, first)]
        paths += ["%s.%s" % (module, name) for name in callables]
    return paths


def _expect_coroutines(function):
    global _expects_coroutines
    function = unwrapped(function)
    if type(function) is Function and function.__code__.co_flags & _CO_COROUTINE:
        _expects_coroutines = True


def import_expected():
    """Imports asyncio if a handler is an async function: its first event would otherwise wait for that."""
    if _expects_coroutines:
        try:
            from .tasks import load  # noqa: F401
        except Exception:
            pass  # the first event reports that


def _callables(owner):
    """Names of the callables in a module, a class or an object. Found without running user code, since they are only
    suggestions: neither __dir__() nor properties are called."""
    kind = owner if issubclass(type(owner), type) else type(owner)
    places = [type.__dict__["__dict__"].__get__(base) for base in type.__dict__["__mro__"].__get__(kind)]
    try:
        places.append(object.__getattribute__(owner, "__dict__"))
    except BaseException:
        pass  # the object has no __dict__
    names = set()
    for place in places:
        if type(place) in _Dictionaries:
            for name, value in list(place.items()):
                is_callable = callable(value) or type(value) in (staticmethod, classmethod)
                if is_callable and type(name) is str and not name.startswith("_"):
                    names.add(name)
    return sorted(names)
