"""Loading the modules named by `module` options, and the source files of user code."""

import builtins
import sys

from .exceptions import describe_exception
from .names import file_of, module_of, namespace_of, text_attribute
from .native import is_forked

loaded = {}  # modules loaded by the configuration, in order: name -> (value of the option, folder)
sources = {}  # source files of user code, for reloading: name of the module -> (path, hash of the content)
_with_threads = set()  # values of options whose modules started threads while they loaded
_loading = None
replaced = {}  # name -> module: during a reload, the old versions, until it is decided which ones stay


def load_module(value, folder, loader_type=None):
    """Imports the module named by a `module` option. Returns None, or the exception as describe_exception() returns it.

    loader_type: replaces SourceFileLoader for modules that are named by their path."""
    import _thread

    global _loading
    _loading = value
    threads = _thread._count()
    try:
        if value.endswith(".py") or "/" in value:
            _load_path(value, folder, loader_type)
        else:
            # The option may be in an included file, in another folder than the instance's.
            if folder not in sys.path:
                sys.path.insert(1, folder)
            try:
                builtins.__import__(value)
            except ModuleNotFoundError as error:
                _explain_missing(error, value, folder)
                raise
            loaded[value] = (value, folder)
        note_sources()
    except BaseException as error:
        if is_forked():
            raise  # the end of the child, which prints it
        return describe_exception(error)
    finally:
        _loading = None
        if _thread._count() > threads:
            _with_threads.add(value)
    return None


def loading():
    """The value of the `module` option whose module is being loaded, or None."""
    return _loading


def idle_module(value):
    """Of a module that the configuration loads and of which it calls nothing: (name, file, line of its `if __name__ ==
    "__main__":` or 0). None if it is of some use: it started a thread while it loaded, or another module refers to it."""
    name = next((name for name, (option, _) in loaded.items() if option == value), None)
    module = sys.modules.get(name) if name else None
    path = source_of(module) if module is not None else None
    if path is None or value in _with_threads:
        return None
    for other, found in list(sys.modules.items()):
        if found is not module and source_of(found) is not None:
            for item in list(namespace_of(found).values()):
                if item is module or (item is not found and module_of(item) == name):
                    return None
            if any(line.startswith(("import %s" % name, "from %s " % name)) for line in map(str.strip, _lines_of(source_of(found)))):
                return None
    lines = _lines_of(path)
    if all(line.strip() == "" or line.lstrip().startswith("#") for line in lines):
        return None  # an empty one is not expected to do anything
    guards = [number for number, line in enumerate(lines, 1) if line.startswith("if ") and "__name__" in line and "__main__" in line]
    return (name, path, guards[0] if guards else 0)


def _lines_of(path):
    try:
        return read_source(path).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def source_of(module):
    """The file of a module of user code; None for all others."""
    import os

    path = file_of(module)
    if path is None or not path.endswith(".py") or path.startswith(os.path.dirname(os.__file__) + os.sep):
        return None
    return None if "/site-packages/" in path or "/dist-packages/" in path else path


class NotRegular(OSError):
    """The file of a module is a FIFO or the like, which would block whatever opens it."""


# As which it is reported.
NotRegular.__module__, NotRegular.__qualname__ = "builtins", "OSError"


def read_source(path):
    """The contents of a module's file. Raises NotRegular instead of waiting for what is not a regular file."""
    import os
    import stat

    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular("'%s' is no longer a regular file, so the module can't be read" % path)
        with open(descriptor, "rb", closefd=False) as source:
            return source.read()
    finally:
        os.close(descriptor)


def digest(path):
    return hash(read_source(path))


def _explain_missing(error, name, folder):
    # The import machinery passes over such a file, as if there were none.
    import os

    path = os.path.join(folder, name.replace(".", os.sep) + ".py")
    if text_attribute(error, "name") == name and os.path.exists(path) and not os.path.isfile(path):
        raise ImportError("'%s' is not a regular file" % path, name=name, path=path) from None


def note_sources():
    for name, module in list(sys.modules.items()):
        path = source_of(module)
        if path is not None and name not in sources:
            try:
                sources[name] = (path, digest(path))
            except OSError:
                pass  # it can't be loaded again either


def _load_path(value, folder, loader_type):
    # importlib.util and importlib.machinery only re-export these, and import many modules, in every instance.
    import os

    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import SourceFileLoader, spec_from_file_location

    path = os.path.normpath(os.path.join(folder, value))
    if os.path.isdir(path):
        name, path = os.path.basename(path), os.path.join(path, "__init__.py")
    elif os.path.basename(path) == "__init__.py":
        name = os.path.basename(os.path.dirname(path))
    else:
        path = path if path.endswith(".py") else path + ".py"
        name = os.path.basename(path)[: -len(".py")]
    if os.path.exists(path) and not os.path.isfile(path):
        raise ImportError("'%s' is not a regular file" % path, name=name, path=path)
    if not os.path.isfile(path):
        raise ModuleNotFoundError("No such file: '%s'" % path, name=name, path=path)

    already = sys.modules.get(name)
    if already is not None:
        where = file_of(already)
        if where is not None and os.path.realpath(where) == os.path.realpath(path):
            return
        raise ImportError(
            "the name '%s' is already taken in this instance by %s; rename the file" % (name, where or "a built-in module"),
            name=name,
            path=path,
        )

    loader = (loader_type or SourceFileLoader)(name, path)
    spec = spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError("'%s' can't be loaded as a module" % path, name=name, path=path)
    module = module_from_spec(spec)
    # Modules in the same folder can be imported by name, as by a script; for a package, those in its parent folder.
    is_package = os.path.basename(path) == "__init__.py"
    neighbours = os.path.dirname(os.path.dirname(path) if is_package else path)
    if neighbours not in sys.path:
        sys.path.insert(1, neighbours)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    loaded[name] = (value, folder)


def previous():
    """midimonster.previous(): the version that the calling module replaces while it loads, else None."""
    if not replaced:
        return None
    # Called from C, which has no frame of its own.
    caller = sys._getframe(1)
    return replaced.get(caller.f_globals.get("__name__"))
