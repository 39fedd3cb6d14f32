"""Whether a function can be called with one argument, as handlers are. Reads what functions say of themselves, without running
user code and without the module `inspect`."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

from .names import MAX_NAME, MAX_WRAPPERS, Function, Method, exact, namespace_of, text_attribute

_HAS_VARARGS = 0x04  # flags of code objects


def refusal(found):
    """Why an object can't be called with one argument: (problem, advice), or None. None also where that can't be known."""
    function, given, keywords, has_partial = _function_in(found)
    if function is None:
        return None
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = len(function.__defaults__ or ())
    extra = code.co_flags & _HAS_VARARGS
    twice = [name for name in positional[code.co_posonlyargcount : given] if name in keywords]
    missing = [name for name in positional[given : len(positional) - defaults] if name not in keywords]
    missing += [name for name in only if name not in keywords and not dict.__contains__(function.__kwdefaults__ or {}, name)]
    name = exact(text_attribute(function, "__name__") or code.co_name)[:MAX_NAME]
    place = "%s:%d" % (exact(code.co_filename)[:MAX_NAME], code.co_firstlineno)
    if given > len(positional) and not extra:
        if has_partial:
            problem = "%s() gets more arguments than it takes: those of functools.partial, and the value of each event" % name
            return (problem, ["it is at %s" % place])
        if given - 1 > len(positional):
            return ("%s() has no parameter 'self'" % name, _advice(name, ("self", "value"), place))
        problem = "%s() takes no argument, but is called with the value of each event" % name
        return (problem, _advice(name, (*positional, "value"), place))
    if twice:
        return ("%s() gets its parameter '%s' twice: as the event's value, and by name" % (name, twice[0]), ["it is at %s" % place])
    if not missing:
        return None
    needed = ", ".join("'%s'" % each for each in missing)
    problem = "%s() is called with one argument, the value of each event, and also needs %s" % (name, needed)
    if given == 1 and positional[:1] == ("self",):
        return (problem, ["it is a method, at %s: make an object of its class, and name the object's method" % place])
    return (problem, _advice(name, positional[:given] if positional else ("value",), place))


def _advice(name, parameters, place):
    written = ", ".join(exact(parameter)[:MAX_NAME] for parameter in parameters)
    where = "it is at %s" % place
    return ["%s; write def %s(%s):" % (where, name, written) if name.isidentifier() else where]


def _function_in(found: "Any"):
    """(function, arguments given by position, names of arguments given by name, whether by functools.partial); the function is
    None if it is not written in Python, or is of a kind that is not known."""
    given, keywords, has_partial = 1, set(), False
    partial = namespace_of(sys.modules.get("functools")).get("partial")
    for _ in range(MAX_WRAPPERS):
        kind = type(found)
        if kind is Function:
            return (found, given, keywords, has_partial)
        if kind is Method:
            given, found = given + 1, found.__func__
        elif kind is partial:
            has_partial = True
            given, found, keywords = given + len(found.args), found.func, keywords.union(dict.keys(found.keywords))
        else:
            call = _call_of(kind)
            if type(call) is not Function:
                break
            given, found = given + 1, call
    return (None, given, keywords, has_partial)


def _call_of(kind):
    """What a class has in its dictionary, or its bases in theirs, for calls of its objects."""
    for base in type.__dict__["__mro__"].__get__(kind):
        namespace = type.__dict__["__dict__"].__get__(base)
        if "__call__" in namespace:
            return namespace["__call__"]
    return None
