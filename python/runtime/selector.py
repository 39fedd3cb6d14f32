"""The selector of an instance's event loop, which never waits; and another one in its place when user code has closed its
descriptor."""

import errno
import os
import select
import selectors
import socket
import stat

from .native import is_forked, kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_IS_EPOLL = selectors.DefaultSelector is getattr(selectors, "EpollSelector", None)


class Pause(BaseException):
    """Ends a step: nothing is ready, or its time is up."""

    def __str__(self):
        # User code meets it only in a loop of its own within a step, such as that of nest_asyncio.
        return "the router's loop can't be run within itself: await instead"


class Selector(selectors.DefaultSelector):
    """Raises an exception instead of waiting: an empty result would not tell a step that there is nothing to do."""

    loop: "Any"
    # The standard library's own.
    _selector: "Any"
    _fd_to_key: "dict[int, Any]"

    skips_once = False  # what else is ready is asked for after the timers that are due, or what is still queued
    has_asked = False  # since this step began

    def select(self, timeout=None):
        if self.skips_once:
            self.skips_once = False
            return []
        self.has_asked = True
        if kept is not None and is_forked():
            raise Pause  # what is ready belongs to the parent
        try:
            if _IS_EPOLL:
                # Without the standard library's computation of a timeout: after a pause, when nothing is in the processor's caches,
                # each function delays what is due by some microseconds.
                found = self._selector.poll(0, len(self._fd_to_key) or 1)
                ready = self._keys_of(found) if found else []
            else:
                ready = super().select(0)
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.EINVAL) or not _restore(self, self.loop):
                raise
            ready = []
            timeout = 0  # some of the loop's callbacks may be ready now
        if ready or timeout == 0:
            return ready
        raise Pause

    def _keys_of(self, found):
        """As select() of the standard library returns them."""
        keys = self._fd_to_key
        ready = []
        for fd, event in found:
            key = keys.get(fd)
            if key:
                reads = event & ~select.EPOLLOUT and selectors.EVENT_READ
                writes = event & ~select.EPOLLIN and selectors.EVENT_WRITE
                ready.append((key, (reads | writes) & key.events))
        return ready


def _restore(selector, loop):
    """Makes another descriptor for a selector whose own has been closed behind its back, perhaps together with others, as
    os.closerange() does. Returns False for a selector without one. What waits for a descriptor that is closed too is called: it
    finds out by itself."""
    lost = getattr(selector, "_selector", None)
    if not hasattr(select, "epoll") or type(lost) is not select.epoll:
        return False
    is_closed = _kind_of(lost.fileno()) is None
    if is_closed:
        try:
            lost.close()  # now, not when its number is another file's
        except OSError:
            pass
    # Before there is another one, which might get the number of the native part's copy.
    loop.native["forget"](None if is_closed else lost)
    keys = getattr(selector, "_fd_to_key")
    # User code may still use, and close, the numbers of what has been closed: they are left free.
    least = max(keys, default=0) + 1
    fresh = _epoll_from(least)
    setattr(selector, "_selector", fresh)
    _forget_self_pipe(loop, keys)
    for fd, key in list(keys.items()):
        reads, writes = key.events & selectors.EVENT_READ, key.events & selectors.EVENT_WRITE
        try:
            fresh.register(fd, (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if writes else 0))
        except OSError:
            del keys[fd]
            loop._ready.extend(handle for handle in key.data if handle is not None)
    if loop._ssock is None:
        _make_self_pipe(loop, least)
    loop.native["watch"](fresh.fileno())
    return True


def _forget_self_pipe(loop, keys):
    """The sockets by which threads wake the loop, if one of them has been closed."""
    sockets = loop._ssock, loop._csock
    if all(_kind_of(sock.fileno()) == stat.S_IFSOCK for sock in sockets):
        return
    keys.pop(loop._ssock.fileno(), None)
    for sock in sockets:
        if _kind_of(sock.fileno()) != stat.S_IFSOCK:
            sock.detach()  # its number may be another file's
        sock.close()
    loop._ssock = loop._csock = None
    loop._internal_fds -= 1


def _make_self_pipe(loop, least):
    pair = socket.socketpair()
    loop._ssock, loop._csock = (socket.socket(fileno=_copy_from(sock.fileno(), least)) for sock in pair)
    for sock in (loop._ssock, loop._csock):
        sock.setblocking(False)
    for sock in pair:
        sock.close()
    loop._internal_fds += 1
    loop._add_reader(loop._ssock.fileno(), loop._read_from_self)


def _epoll_from(least):
    first = select.epoll()
    try:
        return select.epoll.fromfd(_copy_from(first.fileno(), least))
    finally:
        first.close()


def _copy_from(fd, least):
    """A copy with a number from this one on."""
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def _kind_of(fd):
    """The type of a descriptor's file; None if it is closed."""
    try:
        return stat.S_IFMT(os.fstat(fd).st_mode)
    except OSError:
        return None
