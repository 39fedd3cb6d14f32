"""Loads an instance's changed modules anew. Runs in the namespace of bootstrap.py, when a router is first reloaded.

The old versions are taken out of sys.modules for the time; end_reload() either forgets them or puts them back.
"""

import sys

from _frozen_importlib_external import PathFinder, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bootstrap import _digest, _loaded, _note_sources, _source_of, _sources, load_module

_replaced = {}  # name -> module: the old versions, while it is open which ones stay
_before = set()  # names of all modules there were


class _FreshLoader(SourceFileLoader):
    """Compiles the source itself: a file in __pycache__ is taken for current if the source's second and size are the same."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _FreshFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _FreshLoader(spec.loader.name, spec.loader.path)
        return spec


def _fresh_path_loader(name, path):
    return _FreshLoader(name, path)


def _changed():
    """Names of the modules whose source has changed, and of those that use them: they hold the old version's objects."""
    changed = set()
    for name, (path, digest) in _sources.items():
        try:
            if name in sys.modules and _digest(path) != digest:
                changed.add(name)
        except OSError:
            pass  # a file that is gone, as while an editor replaces it: what runs goes on
    users = {name for name in _sources if name in sys.modules}
    while changed:
        also = {name for name in users - changed if any(_is_of(value, changed) for value in list(vars(sys.modules[name]).values()))}
        if not also:
            break
        changed |= also
    return changed


def _is_of(value, modules):
    try:
        name = value.__name__ if isinstance(value, type(sys)) else getattr(value, "__module__", None)
    except BaseException:  # user code may answer
        return False
    return isinstance(name, str) and name in modules


def reload_changed():
    """Returns the names of the modules that were loaded anew, and what describe_exception() makes of the exception of the one that
    failed, or None."""
    global _path_loader
    _note_sources()  # those that have been imported since
    names = _changed()
    _before.clear()
    _before.update(sys.modules)
    for name in names:
        _replaced[name] = sys.modules.pop(name)
    PathFinder.invalidate_caches()
    sys.meta_path.insert(0, _FreshFinder)
    usual_loader, _path_loader = _path_loader, _fresh_path_loader
    try:
        for name, (value, folder) in list(_loaded.items()):
            if name in names:
                exception = load_module(value, folder)
                if exception is not None:
                    return sorted(names), exception
    finally:
        _path_loader = usual_loader
        sys.meta_path.remove(_FreshFinder)
    return sorted(names), None


def reloaded_modules():
    return frozenset(_replaced)


def belongs(function, modules):
    """True if a function is defined in one of these modules, else None."""
    try:
        while hasattr(function, "func"):  # functools.partial
            function = function.func
    except BaseException:
        return None
    return True if _is_of(function, modules) else None


def end_reload(keep):
    if keep:
        for name, old in _replaced.items():
            _sources.pop(name, None)
            # A new version may keep the old one for good, and that would keep all before it.
            for key, value in list(vars(old).items()):
                if isinstance(value, type(sys)) and value is not old and value.__name__ == name:
                    del vars(old)[key]
        _note_sources()
    else:
        for name in list(sys.modules):
            if name not in _before and _source_of(sys.modules[name]) is not None:
                del sys.modules[name]
                _loaded.pop(name, None)
        sys.modules.update(_replaced)
    _before.clear()
    _replaced.clear()
    # A module is in a cycle with its functions. What it alone has, like sockets, is not to wait for chance.
    import gc

    gc.collect()


def source_files():
    _note_sources()
    return [path for path, _ in _sources.values()]


def forget_modules():
    """Lets go of user code, whose objects' finalizers run and whose sockets close."""
    import gc

    for name in list(sys.modules):
        if _source_of(sys.modules[name]) is not None:
            del sys.modules[name]
    gc.collect()
