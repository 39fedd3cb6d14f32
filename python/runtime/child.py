"""The program of an instance's process: loads the native part and gives it control. Its text is passed with -c, so no file
of it is in tracebacks; arguments are the native part's library, start.py, and the
limit of memory in bytes, or 0."""

import sys


def _main():
    import _imp
    import faulthandler
    from _frozen_importlib import ModuleSpec

    library, start, limit = sys.argv[1:4]
    faulthandler.enable(8)
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    why = None
    try:
        _imp.create_dynamic(ModuleSpec("midimonster_child", None, origin=library))
    except BaseException as error:
        why = error
    run: object = sys.modules.pop("_mmpy_run", None)
    if not callable(run):
        sys.exit("this Python can't load %s: %s" % (library, why))
    if limit != "0":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
    for name in [name for name in globals() if not name.startswith("__")]:
        del globals()[name]
    return run, start


(lambda pair: pair[0](pair[1]))(_main())
