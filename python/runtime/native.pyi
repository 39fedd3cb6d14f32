"""Functions that the native part adds to every interpreter (native/python/interpreter.cc); start.py wraps them in a module."""

def raise_in_thread(thread_and_exception: tuple[int, type[BaseException]], /) -> None:
    """Make a thread raise an exception as soon as it runs Python code again."""

def share_environment() -> None:
    """Let C code in Python's libraries see changes made by setenv()."""
