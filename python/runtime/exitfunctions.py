"""Exit functions in the main interpreter. They run when an instance ends, which empties CPython's list; those of modules that
stay are registered again, for the next one's end."""

import sys

from .native import kept

_FUNCTIONS = "exit functions"  # in kept: (module that registered it, function, arguments, options)


def record_exit_functions():
    import atexit

    assert kept is not None
    records = kept[_FUNCTIONS] = []
    register, unregister = atexit.register, atexit.unregister

    def register_here(func, /, *args, **kwargs):
        result = register(func, *args, **kwargs)
        caller = sys._getframe(1).f_globals.get("__name__")
        records.append((caller, func, args, kwargs))
        return result

    def unregister_here(func, /):
        unregister(func)
        records[:] = [record for record in records if not record[1] == func]

    for change, original in ((register_here, register), (unregister_here, unregister)):
        change.__name__, change.__doc__ = original.__name__, original.__doc__
        setattr(atexit, original.__name__, change)


def run_again():
    """Those that finalizers of user code have registered."""
    import atexit

    atexit._run_exitfuncs()


def register_again():
    import atexit

    assert kept is not None
    records = list(kept[_FUNCTIONS])
    kept[_FUNCTIONS].clear()
    for caller, function, arguments, options in records:
        if caller in sys.modules and caller != "__main__":
            atexit.register(function, *arguments, **options)
            kept[_FUNCTIONS][-1] = (caller, function, arguments, options)
