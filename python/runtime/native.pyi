"""Functions that the native part adds to every interpreter (native/python/interpreter.cc); start.py wraps them in a module."""

import typing

kept: dict[str, typing.Any] | None
"""In the main interpreter: what is kept from one instance to the next. Elsewhere None."""

def raise_in_thread(thread_and_exception: tuple[int, type[BaseException]], /) -> None:
    """Make a thread raise an exception as soon as it runs Python code again."""

def share_environment() -> None:
    """Let C code in Python's libraries see changes made by setenv()."""

def environment() -> list[bytes]:
    """The environment as it is now."""

def can_fork() -> int | None:
    """Whether os.fork() works in this interpreter now; None if not."""

def refuse_fork() -> None:
    """Raise RuntimeError if os.fork() does not work in this interpreter now."""

def write_stream(fd_and_text: tuple[int, bytes], /) -> int:
    """Write to standard output (1) or error (2) without waiting for its reader. Returns an errno, or 0."""

def after_fork() -> None:
    """Prepare the end of a forked child."""

def is_forked() -> int | None:
    """Whether this is a process that user code has forked off; None if not."""
