"""Processes that user code starts: where the process can't be forked, multiprocessing uses `spawn` by itself, and a worker can
import modules that import midimonster."""

import sys

from .native import can_fork, kept, refuse_fork


class _Loader:
    """Loads a module and changes it."""

    def __init__(self, loader, change):
        self._loader = loader
        self._change = change

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._change(module)


class _Finder:
    """On sys.meta_path, for the modules below only."""

    def find_spec(self, name, path=None, target=None):
        change = _CHANGES.get(name)
        if change is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = None if finder is self or find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, change)
                return spec
        return None


def follow_processes():
    sys.meta_path.insert(0, _Finder())
    for name, change in _CHANGES.items():
        module = sys.modules.get(name)  # imported by a .pth file, or by an earlier instance in this interpreter
        if module is not None and not (kept and name in kept["changed modules"]):
            change(module)


def _noted(name):
    if kept:
        kept["changed modules"].add(name)


def _change_context(context):
    """Start method `spawn` unless user code has chosen one: a forked child would be ended by CPython, and a pool would fork
    another one, without end."""
    default = context.DefaultContext
    get_context, get_start_method = default.get_context, default.get_start_method

    def must_spawn(self):
        return self._actual_context is None and self._default_context.get_start_method() == "fork" and not can_fork()

    def get_context_here(self, method=None):
        return get_context(self, "spawn" if method is None and must_spawn(self) else method)

    def get_start_method_here(self, allow_none=False):
        return "spawn" if not allow_none and must_spawn(self) else get_start_method(self, allow_none)

    for change, original in ((get_context_here, get_context), (get_start_method_here, get_start_method)):
        change.__name__, change.__doc__ = original.__name__, original.__doc__
        setattr(default, original.__name__, change)
    _noted("multiprocessing.context")


def _change_spawn(spawn):
    """A worker finds a module `midimonster` that does nothing."""
    get_preparation_data = spawn.get_preparation_data
    folder = "%s/worker" % __file__.rpartition("/")[0].rpartition("/")[0]

    def get_preparation_data_here(name):
        data = get_preparation_data(name)
        if "sys_path" in data:
            data["sys_path"] = [*data["sys_path"], folder]
        return data

    setattr(spawn, "get_preparation_data", get_preparation_data_here)
    _noted("multiprocessing.spawn")


def _change_util(util):
    """At a stop, processes that don't end are terminated."""
    function = util._exit_function

    def ending(active_children):
        def active_children_here():
            from .children import end_children

            return end_children(active_children)

        return active_children_here

    function.__defaults__ = tuple(
        ending(value) if getattr(value, "__name__", "") == "active_children" else value for value in function.__defaults__ or ()
    )
    _noted("multiprocessing.util")


def _change_posixsubprocess(module):
    """A child with a preexec_fn is a forked one. In other interpreters CPython refuses it."""
    fork_exec = module.fork_exec

    def fork_exec_here(*arguments):
        if any(callable(argument) for argument in arguments[-2:]):  # the last but one from 3.11 on
            refuse_fork()
        return fork_exec(*arguments)

    setattr(module, "fork_exec", fork_exec_here)
    subprocess = sys.modules.get("subprocess")
    if getattr(subprocess, "_fork_exec", None) is fork_exec:  # from 3.12 on, imported by a .pth file
        setattr(subprocess, "_fork_exec", fork_exec_here)
    _noted("_posixsubprocess")


_CHANGES = {
    "multiprocessing.context": _change_context,
    "multiprocessing.spawn": _change_spawn,
    "multiprocessing.util": _change_util,
}
if kept is not None:
    _CHANGES["_posixsubprocess"] = _change_posixsubprocess
