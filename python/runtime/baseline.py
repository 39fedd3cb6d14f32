"""The state of the main interpreter that user code may change: noted before the first instance, restored after each."""

import builtins
import sys

from .names import namespace_of
from .native import kept

# Restored once finalizers have run, since they report through it.
_HOOK = "unraisablehook"


class _Namespace:
    """The attributes of a module, and the items of lists, dictionaries and sets among them."""

    def __init__(self, module, without=()):
        self._namespace = module.__dict__
        self._without = frozenset(without)
        self._values = dict(self._namespace)
        self._items = {
            name: value.copy()
            for name, value in self._values.items()
            if type(value) in (list, dict, set) and name not in self._without
        }

    def restore(self):
        for name in list(self._namespace):
            if name not in self._values and name not in self._without:
                del self._namespace[name]
        for name, value in self._values.items():
            if name in self._without:
                continue
            if self._namespace.get(name, self) is not value:
                self._namespace[name] = value
            if name in self._items:
                _set_items(value, self._items[name])

    def restore_one(self, name):
        self._namespace[name] = self._values[name]


def _set_items(value, items):
    if type(value) is list:
        value[:] = items
    else:
        value.clear()
        value.update(items)


def note_state():
    import _warnings
    import gc
    import os

    main = sys.modules["__main__"]
    return {
        "sys": _Namespace(sys, (_HOOK, "modules")),
        "builtins": _Namespace(builtins),
        "__main__": _Namespace(main),
        "modules": dict(sys.modules),
        "environ": os.environ,
        "filters": (_warnings.filters, list(_warnings.filters)),
        "settings": [(change, read()) for read, change in _settings()],
        "gc": (gc.isenabled(), list(gc.callbacks)),
    }


def _settings():
    import gc

    def change_threshold(values):
        gc.set_threshold(*values)

    def change_hooks(hooks):
        sys.set_asyncgen_hooks(*hooks)

    settings = [
        (sys.getrecursionlimit, sys.setrecursionlimit),
        (sys.getswitchinterval, sys.setswitchinterval),
        (sys.getdlopenflags, sys.setdlopenflags),
        (sys.gettrace, sys.settrace),
        (sys.getprofile, sys.setprofile),
        (sys.get_asyncgen_hooks, change_hooks),
        (sys.get_coroutine_origin_tracking_depth, sys.set_coroutine_origin_tracking_depth),
        (gc.get_threshold, change_threshold),
        (gc.get_debug, gc.set_debug),
    ]
    if hasattr(sys, "set_int_max_str_digits"):  # in later versions of 3.9 and 3.10, and from 3.11 on
        settings.append((sys.get_int_max_str_digits, sys.set_int_max_str_digits))  # type: ignore[attr-defined]
    return settings


def restore_state():
    assert kept is not None
    state = kept["state"]
    sys.modules["__main__"] = state["modules"]["__main__"]
    for name in ("sys", "builtins", "__main__"):
        state[name].restore()
    for change, value in state["settings"]:
        change(value)
    _restore_collector(*state["gc"])
    _restore_warnings(*state["filters"])
    import os

    setattr(os, "environ", state["environ"])
    threading = sys.modules.get("threading")
    if threading is not None:
        import _thread

        original = getattr(_thread, "_excepthook")
        for name in ("excepthook", "__excepthook__"):
            if name in namespace_of(threading):
                setattr(threading, name, original)
        threading.settrace(None)  # type: ignore[arg-type]
        threading.setprofile(None)


def restore_hooks():
    assert kept is not None
    kept["state"]["sys"].restore_one(_HOOK)


def _restore_collector(enabled, callbacks):
    import gc

    gc.callbacks[:] = callbacks
    (gc.enable if enabled else gc.disable)()


def _restore_warnings(filters, items):
    import _warnings

    filters[:] = items
    mutated = getattr(_warnings, "_filters_mutated", None)
    if mutated is not None:
        mutated()
    warnings = sys.modules.get("warnings")
    if warnings is None:
        return
    setattr(warnings, "filters", filters)
    warnings.onceregistry.clear()
    original = getattr(warnings, "_showwarning_orig", None)
    if original is not None:
        setattr(warnings, "showwarning", original)
