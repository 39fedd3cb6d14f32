"""Loading the modules named by `module` options, and the source files of user code."""

import builtins
import sys

from .exceptions import describe_exception
from .names import file_of
from .native import is_forked

loaded = {}  # modules loaded by the configuration, in order: name -> (value of the option, folder)
sources = {}  # source files of user code, for reloading: name of the module -> (path, hash of the content)
replaced = {}  # name -> module: during a reload, the old versions, until it is decided which ones stay


def load_module(value, folder, loader_type=None):
    """Imports the module named by a `module` option. Returns None, or the exception as describe_exception() returns it.

    loader_type: replaces SourceFileLoader for modules that are named by their path."""
    try:
        if value.endswith(".py") or "/" in value:
            _load_path(value, folder, loader_type)
        else:
            # The option may be in an included file, in another folder than the instance's.
            if folder not in sys.path:
                sys.path.insert(1, folder)
            builtins.__import__(value)
            loaded[value] = (value, folder)
        note_sources()
    except BaseException as error:
        if is_forked():
            raise  # the end of the child, which prints it
        return describe_exception(error)
    return None


def source_of(module):
    """The file of a module of user code; None for all others."""
    import os

    path = file_of(module)
    if path is None or not path.endswith(".py") or path.startswith(os.path.dirname(os.__file__) + os.sep):
        return None
    return None if "/site-packages/" in path or "/dist-packages/" in path else path


def digest(path):
    with open(path, "rb") as source:
        return hash(source.read())


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
