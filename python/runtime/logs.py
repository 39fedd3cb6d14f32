"""What user code says through `logging` and `warnings` goes into the router's log, until user code configures them itself.

Neither module is imported for it, since every interpreter would pay for that: a finder in front of all others sees user code
import them."""

import sys

from .exceptions import bounded, is_user_code
from .names import exact
from .native import is_forked

_log = None  # the native part's: takes a tuple of a level, a logger's name, a text, a file and a line; true if it was taken
_folder = ""  # of the configuration, with a slash; files in it are named relative to it


def log_through(native_log, folder):
    global _log, _folder
    _log = native_log
    _folder = folder + "/"
    sys.meta_path.insert(0, _ImportWatch)
    set_up_imported()


def stop_logging():
    global _log
    _log = None


def set_up_imported():
    """Sets up modules whose import was not noticed: by a .pth file, or during a reload."""
    for name in list(_waiting):
        if name in sys.modules:
            _set_up(name, sys.modules[name])


def visible(text):
    """With its control characters escaped, except for newlines and tabs: they could disturb a terminal."""
    return text if text.isprintable() else text.translate(_escapes)


_escapes = {code: "\\x%02x" % code for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}


def _text(value):
    """A plain str. A record that user code makes may have anything as its logger's name and its file."""
    return exact(value if isinstance(value, str) else str(value))


def _shown(file):
    return file[len(_folder) :] if file.startswith(_folder) else file


def caller_place():
    """Where user code calls a function of the module: `desk.py:12`."""
    frame = sys._getframe(1)  # functions written in C have none
    while frame is not None and (not is_user_code(frame) or frame.f_code.co_filename.startswith("<")):  # of exec()
        frame = frame.f_back
    return "" if frame is None else "%s:%d" % (_shown(exact(frame.f_code.co_filename)), frame.f_lineno or 0)


def _say(level, logger, text, file, line):
    """Puts a message into the router's log. False if that is not possible."""
    if _log is None or is_forked():  # a copy of the process has no router
        return False
    file = _text(file)
    line = line if isinstance(line, int) else 0
    text = bounded("%s:%d: %s" % (_shown(file), line, _text(text)))
    return bool(_log((level, _text(logger), text, file, line)))


def say(level, logger, text):
    """Puts a message of this package into the router's log."""
    if _log is not None and not is_forked():
        _log((level, logger, bounded(text), "", 0))


def _set_up_logging(logging):
    root = logging.root
    shows = logging.Formatter("%(message)s").format

    class RouterHandler(logging.Handler):
        def emit(self, record):
            try:
                if not _is_configured(logging, record.name, self):
                    number = record.levelno
                    level = "error" if number >= 40 else "warn" if number >= 30 else "info" if number >= 20 else "debug"
                    if not _say(level, record.name, shows(record), record.pathname, record.lineno):
                        _otherwise(logging, record)
            except Exception:
                self.handleError(record)

    handler = RouterHandler()
    root.addHandler(handler)
    # In the main interpreter an earlier instance may have replaced it.
    configure = getattr(logging.basicConfig, "original", logging.basicConfig)

    def basicConfig(**options):
        if handler in root.handlers:
            if not options.keys() - {"level"} and len(root.handlers) == 1:
                if options.get("level") is not None:
                    root.setLevel(options["level"])
                return
            root.removeHandler(handler)  # with any handler, basicConfig() does nothing
        configure(**options)

    basicConfig.__doc__ = configure.__doc__
    basicConfig.__module__ = configure.__module__
    setattr(basicConfig, "original", configure)
    logging.basicConfig = basicConfig


def _is_configured(logging, name, own):
    """True if user code has set a handler for this logger, so that it has decided where messages go."""
    logger = logging.root.manager.loggerDict.get(name)
    if not isinstance(logger, logging.Logger):
        logger = logging.root
    while logger is not None:
        for handler in logger.handlers:
            if handler is not own and not isinstance(handler, logging.NullHandler):
                return True
        logger = logger.parent
    return False


def _otherwise(logging, record):
    last = logging.lastResort
    if last is not None and record.levelno >= last.level:
        last.handle(record)


def _set_up_warnings(warnings):
    show = warnings.showwarning

    def showwarning(message, category, filename, lineno, file=None, line=None):
        text = "%s: %s" % (category.__name__, message)
        if file is not None or not _say("warn", "py.warnings", text, filename, lineno):
            show(message, category, filename, lineno, file, line)

    showwarning.__doc__ = show.__doc__
    warnings.showwarning = showwarning


_waiting = {"logging": _set_up_logging, "warnings": _set_up_warnings}


def _set_up(name, module):
    set_up = _waiting.pop(name, None)
    if not _waiting and _ImportWatch in sys.meta_path:
        sys.meta_path.remove(_ImportWatch)
    if set_up is not None:
        try:
            set_up(module)
        except Exception:
            pass  # a module of that name which is another one


class _ImportWatch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _waiting:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec = None if finder is _ImportWatch or find is None else find(name, path, target)
            if spec is not None:
                _set_up_after_loading(name, spec.loader)
                return spec
        return None


def _set_up_after_loading(name, loader):
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type):  # one that all modules of its kind share
        return

    def exec_module(module):
        loader.__dict__.pop("exec_module", None)
        execute(module)
        _set_up(name, module)

    try:
        loader.exec_module = exec_module
    except AttributeError:
        pass  # a loader that can't be changed
