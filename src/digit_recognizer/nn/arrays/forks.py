"""Copies of this process, made by `os.fork`, that compute beside it and share memory with it.

A copy has all that this process has, and does one thing until it ends: no handler, no garbage and
no open file of this process is touched by it. What it computes goes through memory that all see,
which has no name and is gone with the last of them.
"""

import gc
import mmap
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from itertools import starmap
from pathlib import Path

import numpy as np

from digit_recognizer.nn.arrays.workers import forget_workers

HUGE_PAGE = 2**21
# Those of `Children` that have some.
_with_children: set[int] = set()
# Who forks has it: what `catch_warnings` puts back may be another thread's otherwise.
_forking = [threading.Lock()]
if hasattr(os, "register_at_fork"):
    # A copy of this process has no thread that would give it back.
    os.register_at_fork(after_in_child=lambda: _forking.__setitem__(0, threading.Lock()))


def can_fork() -> bool:
    """Whether copies of this process can compute: elsewhere the system's BLAS may not, forked."""
    return sys.platform == "linux"


def shared_empty(size: int, dtype) -> np.ndarray:
    """An array of zeros, of shape (size,), that processes forked later share."""
    n_bytes = size * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(n_bytes, 1)), dtype, size)


def has_copies() -> bool:
    """Whether there are copies of this process, or it is one: then they share its free memory.

    Who writes to that first copies it, at 2 µs for each 4 kB: `own_empty` is faster.
    """
    return bool(_with_children)


def own_empty(n_bytes: int) -> np.ndarray:
    """Bytes that no other process has, on huge pages where these may be."""
    try:
        pages = mmap.mmap(-1, n_bytes + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(str(error)) from error
    if n_bytes >= HUGE_PAGE:
        with suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(pages, np.uint8)
    return raw[-raw.ctypes.data % HUGE_PAGE :]


def fence() -> None:
    """All that was written before is seen by whoever sees what is written after."""
    # Giving back a lock and taking one again: processors such as ARM's need to be told. One of its
    # own: a fork may find another thread with a common one.
    lock = threading.Lock()
    for _ in range(2):
        with lock:
            pass


class Children:
    """Copies of the process that makes this object."""

    def __init__(self):
        self._parent, self._children = os.getpid(), []

    @property
    def is_open(self) -> bool:
        """Whether there are children, and this is the process that made them."""
        return bool(self._children) and os.getpid() == self._parent

    def fork(self, function: Callable, *arguments) -> None:
        """Have a copy of this process call a function, and end.

        Raises
        ------
        OSError, MemoryError
            If the system gives no process.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        _with_children.add(id(self))
        try:
            # No signal may find the child with this process's handlers.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            with _forking[0], warnings.catch_warnings():
                # Python, and JAX, warn of forks beside threads: a child takes no lock of theirs.
                warnings.simplefilter("ignore")
                # In one call: Ctrl-C, which other threads may get, comes before or after both.
                self._children.extend(starmap(os.fork, [()]))
            if not self._children[-1]:
                self._children = []
                _live(mask, function, arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def ended(self) -> list[int]:
        """The exit statuses of those that have ended, each told once; negative is a signal."""
        statuses = {pid: _status(pid) for pid in self._children}
        self._children = [pid for pid in self._children if statuses[pid] is None]
        return [status for status in statuses.values() if status is not None]

    def close(self) -> None:
        """End all children."""
        if os.getpid() != self._parent:
            return
        try:
            alive = [pid for pid in self._children if _status(pid) is None]
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
            for pid in alive:
                _status(pid, wait=True)
            self._children = []
            _with_children.discard(id(self))
        finally:
            # Ctrl-C, at the end of what it has interrupted, waits for them too.
            if self._children:
                self.close()


def warn_of_loss(ended: list[int], what: str, remedy: str) -> None:
    """Tell of children that were killed or do not answer.

    Parameters
    ----------
    ended : list of int
        As `Children.ended` gave them: none if one that lives does not answer.
    what, remedy : str
        What they helped in, and what takes less memory.
    """
    # One that failed met what this process is about to meet, and to tell.
    if ended and min(ended) >= 0:
        return
    end = f"was killed (signal {-min(ended)})" if ended else "does not answer"
    warnings.warn(
        f"A process that helped this {what} {end}: the {what} goes on with one core. If memory "
        f"ran out, {remedy} takes less.",
        RuntimeWarning,
        stacklevel=3,
    )


def _live(mask, function, arguments):
    """What a child does till its end."""
    status = 1
    try:
        forget_workers()
        # The first process's garbage is none of this one's, and what it closes is closed.
        gc.disable()
        open_ones = [int(one.name) for one in Path("/proc/self/fd").iterdir()]
        os.closerange(3, 1 + max(open_ones))
        # What the user handles is for the first process, and so is Ctrl-C.
        for one in signal.valid_signals():
            if one == signal.SIGINT or callable(signal.getsignal(one)):
                signal.signal(one, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # What is worth a warning is computed again, and warned of, by the first process.
        np.seterr(**{k: v if v == "ignore" else "raise" for k, v in np.geterr().items()})
        function(*arguments)
        status = 0
    finally:
        # No handler of the user's, no flush of what the first process has yet to print.
        os._exit(status)


def _status(pid, wait=False):
    """The exit status of a child, negative the signal that killed it; None while it runs."""
    try:
        found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    except ChildProcessError:
        # Somebody else has asked before.
        return 0
    return os.waitstatus_to_exitcode(status) if found else None
