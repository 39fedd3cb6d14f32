"""State of the standard library that would show the next instance in the main interpreter what the one before has done. Only of
modules that are loaded."""

import sys

# Marks of a shutdown, which no end of the process follows here.
_SHUT_DOWN = [
    ("concurrent.futures.thread", None, "_shutdown"),
    ("concurrent.futures.process", None, "_global_shutdown"),
    ("multiprocessing.util", None, "_exiting"),
    ("weakref", "finalize", "_shutdown"),
]


def reset_libraries():
    for name, owner, mark in _SHUT_DOWN:
        found = sys.modules.get(name)
        if owner is not None:
            found = getattr(found, owner, None)
        if getattr(found, mark, False):
            setattr(found, mark, False)
    logging = sys.modules.get("logging")
    if logging is not None:
        _reset_logging(logging)
    context = sys.modules.get("multiprocessing.context")
    if context is not None:
        setattr(getattr(context, "_default_context"), "_actual_context", None)
    events = sys.modules.get("asyncio.events")
    if events is not None:
        setattr(events, "_event_loop_policy", None)


def _reset_logging(logging):
    logging.captureWarnings(False)
    manager = logging.Logger.manager
    manager.disable = 0
    manager.loggerClass = None
    manager.logRecordFactory = None
    logging.setLoggerClass(logging.Logger)
    logging.setLogRecordFactory(logging.LogRecord)
    logging.raiseExceptions = True
    logging.root.setLevel(logging.WARNING)
    for logger in [logging.root, *manager.loggerDict.values()]:
        for handler in list(getattr(logger, "handlers", ())):
            if type(handler) is logging.NullHandler:
                continue  # a library's own
            logger.removeHandler(handler)
            handler.close()
        if logger is not logging.root and isinstance(logger, logging.Logger):
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
            logger.disabled = False
        if isinstance(logger, logging.Logger):
            logger.filters.clear()
