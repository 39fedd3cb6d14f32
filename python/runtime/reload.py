"""Reloads an instance's changed modules; itself loaded when a router is first reloaded.

The old versions are removed from sys.modules meanwhile; end_reload() either forgets or restores them.
"""

import sys

from _frozen_importlib_external import PathFinder, SourceFileLoader

from .exceptions import describe_exception
from .logs import set_up_imported
from .modules import NotRegular, digest, load_module, loaded, note_sources, read_source, replaced, source_of, sources
from .names import is_module, module_of, namespace_of, unwrapped

_before = set()  # names of all modules before the reload
_path = []  # sys.path then: the list and its entries
_compiled = {}  # path -> (hash of the source, its code): sources that parse_changed() has compiled
_read = {}  # name -> hash of the loaded source: its file may have changed during loading


class _FreshLoader(SourceFileLoader):
    """Compiles the source itself: a file in __pycache__ counts as current if the source's size and time in seconds match."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        source = read_source(path)
        _read[fullname] = hash(source)
        known, code = _compiled.get(path, (None, None))
        return code if known == hash(source) else self.source_to_code(source, path)


class _FreshFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _FreshLoader(spec.loader.name, spec.loader.path)
        return spec


def _changed():
    """Names of the modules whose source has changed, and of those that use them, which hold the old versions' objects."""
    changed = set()
    for name, (path, known) in sources.items():
        try:
            if name in sys.modules and digest(path) != known:
                changed.add(name)
        except OSError:
            pass  # a missing file, as while an editor replaces it: the running version stays
    users = {name for name in sources if name in sys.modules}
    while changed:
        also = {name for name in users - changed if _uses(sys.modules[name], changed)}
        if not also:
            break
        changed |= also
    return changed


def _uses(module, modules):
    return any(module_of(value) in modules for value in list(namespace_of(module).values()))


def parse_changed():
    """Compiles the changed sources in advance, so that events do not wait for it during reload_changed(). Returns the
    exception of one that does not compile as describe_exception() returns it, or None."""
    note_sources()
    _compiled.clear()
    for name, (path, known) in list(sources.items()):
        try:
            source = read_source(path)
        except NotRegular as error:
            if name in sys.modules:
                return describe_exception(error)
            continue
        except OSError:
            continue  # as in _changed()
        if name not in sys.modules or hash(source) == known:
            continue
        try:
            _compiled[path] = (hash(source), compile(source, path, "exec", dont_inherit=True))
        except BaseException as error:
            return describe_exception(error)
    return None


def missing_modules():
    """Modules in use whose files are gone, as (name, path): reloads leave them as they are."""
    import os

    gone = {name: path for name, (path, _) in sources.items() if name in sys.modules and not os.path.exists(path)}
    others = [sys.modules[name] for name in sources if name in sys.modules and name not in gone]
    used = (name for name in gone if name in loaded or any(_uses(module, {name}) for module in others))
    return [(name, gone[name]) for name in sorted(used)]


def reload_changed():
    """Returns the names of the reloaded modules, and the exception of the one that failed as describe_exception() returns
    it, or None."""
    note_sources()  # of modules imported since
    names = _changed()
    _before.clear()
    _before.update(sys.modules)
    _path[:] = sys.path, list(sys.path)
    for name in names:
        replaced[name] = sys.modules.pop(name)
    PathFinder.invalidate_caches()
    sys.meta_path.insert(0, _FreshFinder)
    try:
        for name, (value, folder) in list(loaded.items()):
            if name in names:
                exception = load_module(value, folder, _FreshLoader)
                if exception is not None:
                    return sorted(names), exception
    finally:
        sys.meta_path.remove(_FreshFinder)
        set_up_imported()
    return sorted(names), None


def reloaded_modules():
    return frozenset(replaced)


def belongs(function, modules):
    """True if a function is defined in one of these modules, else None."""
    return True if module_of(unwrapped(function)) in modules else None


def end_reload(keep):
    if keep:
        for name, old in replaced.items():
            sources.pop(name, None)
            _unlink_earlier(name, old)
        old = None  # else it would not be among what is collected below
        note_sources()
        for name, read in _read.items():
            if name in sources:
                sources[name] = (sources[name][0], read)
    elif _before:  # otherwise it failed before anything was loaded
        for name in list(sys.modules):
            if name not in _before and source_of(sys.modules[name]) is not None:
                del sys.modules[name]
                loaded.pop(name, None)
        sys.modules.update(replaced)
        sys.path, entries = _path
        sys.path[:] = entries
    _before.clear()
    _path.clear()
    _compiled.clear()
    _read.clear()
    replaced.clear()
    # A module and its functions form a cycle. Its resources, such as sockets, should not wait for a later collection.
    import gc

    gc.collect()


def _unlink_earlier(name, module):
    # A new version may keep the old one forever, which would in turn keep all earlier ones.
    namespace = namespace_of(module)
    for key, value in list(namespace.items()):
        if is_module(value) and value is not module and module_of(value) == name:
            del namespace[key]


def source_files():
    note_sources()
    return [path for path, _ in sources.values()]
