"""Names of functions, types and modules of user code. Found without running its code, which could raise or hang:
attributes are read as `object` reads them, and those of a class bypassing its metaclass."""

import sys

Module = type(sys)


class _Any:
    def method(self):
        pass


Method = type(_Any().method)
Function = type(lambda: None)

MAX_NAME = 4096  # characters of a name; user code can make longer ones
MAX_WRAPPERS = 8  # of a function; a functools.partial object can be made to hold itself


def exact(text):
    """A plain str; a subclass of str may override methods."""
    return str.__str__(text)


def text_attribute(owner, name):
    """An attribute that is a string, shortened to MAX_NAME, or None."""
    try:
        value = object.__getattribute__(owner, name)
        return exact(value)[:MAX_NAME] if issubclass(type(value), str) else None
    except BaseException:
        return None


def is_module(value):
    return issubclass(type(value), Module)


def namespace_of(module):
    """A module's globals; empty for another object that user code has put in a module's place."""
    try:
        return object.__getattribute__(module, "__dict__") if is_module(module) else {}
    except BaseException:
        return {}


def file_of(module):
    """The file that a module was loaded from, or None."""
    file = namespace_of(module).get("__file__")
    return exact(file) if issubclass(type(file), str) else None


def type_name(kind):
    return exact(type.__dict__["__name__"].__get__(kind))[:MAX_NAME]


def qualified_type_name(kind):
    """As in tracebacks: `ValueError`, `mymod.Error`."""
    name = exact(type.__dict__["__qualname__"].__get__(kind))
    try:
        module = type.__dict__["__module__"].__get__(kind)
    except BaseException:
        module = None
    if issubclass(type(module), str) and module not in ("builtins", "__main__"):
        name = "%s.%s" % (exact(module), name)
    return name[:MAX_NAME]


def unwrapped(function):
    """The function within methods and functools.partial objects."""
    partial = namespace_of(sys.modules.get("functools")).get("partial")
    for _ in range(MAX_WRAPPERS):
        if type(function) is Method:
            function = function.__func__
        elif type(function) is partial:
            function = function.func
        else:
            break
    return function


def describe(function):
    """A short name for a function or another callable of user code."""
    function = unwrapped(function)
    name = text_attribute(function, "__qualname__")
    if name is None:
        return object.__repr__(function)[:MAX_NAME]
    module = text_attribute(function, "__module__")
    return name if module is None else "%s.%s" % (module, name)


def module_of(value):
    """The name of the module that defines a function, a class or an object's class; a module's own name. Or None."""
    return text_attribute(value, "__name__" if is_module(value) else "__module__")
