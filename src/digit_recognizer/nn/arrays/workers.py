"""Several threads for one computation, cut so that it gives the same bytes for any number of them.

What may be shared out is cut by its shape alone. The threads take the pieces one after the other,
the calling one first: it never waits for a thread that has not begun, on a busy machine too.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from queue import SimpleQueue

PACKAGE = f"{__package__.rpartition('.')[0]}."
_local = threading.local()


class Workers:
    """Context in which `share` may use several threads, the calling one included.

    They are started when there is first something to share, and end with the context. Each thread
    of the user's has workers of its own, and none where it gave none.

    Parameters
    ----------
    n_workers : int
        With 1, all is done by the calling thread.
    prepare : callable, default=None
        Called by each other thread before its first work.

    Attributes
    ----------
    team : Team or None
        The processes that work together in this context, see `arrays.team`.
    are_slow : bool
        Whether one worker was faster than several of late.
    """

    def __init__(self, n_workers: int, prepare: Callable | None = None):
        self.n_workers = n_workers
        self._prepare = prepare
        self._jobs: SimpleQueue = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._at_end = ExitStack()
        self.team, self.are_slow = None, False

    def at_end(self, function: Callable) -> None:
        """Have `function` called when the context ends."""
        self._at_end.callback(function)

    def __enter__(self):
        self._before = getattr(_local, "workers", None)
        _local.workers = self if self.n_workers > 1 else None
        return self

    def __exit__(self, *exception):
        _local.workers = self._before
        try:
            self._at_end.close()
        finally:
            for _ in self._threads:
                self._jobs.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []

    def share(self, function, pieces) -> None:
        """See the function of that name."""
        waiting, done = deque(pieces), SimpleQueue()
        n_helpers = min(self.n_workers, len(pieces)) - 1
        self._start(n_helpers)
        for _ in self._threads[:n_helpers]:
            # NumPy's errstate is a context variable: it holds for the helpers too.
            self._jobs.put((copy_context(), function, waiting, done))
        n_left = len(pieces)
        try:
            while True:
                try:
                    piece = waiting.popleft()
                except IndexError:
                    break
                function(piece)
                n_left -= 1
            for _ in range(n_left):
                error = done.get()
                if error is not None:
                    raise error
        finally:
            waiting.clear()

    def _start(self, n_threads):
        while len(self._threads) < n_threads:
            # A daemon: one that waits for work keeps no program from ending.
            thread = threading.Thread(target=_work, args=(self._jobs, self._prepare), daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The system gives no more: those there are do it all.
                return
            self._threads.append(thread)


def _work(jobs, prepare):
    if prepare is not None:
        prepare()
    while (job := jobs.get()) is not None:
        context, *work = job
        context.run(_help, *work)
        # What was worked on is free while the thread waits.
        del job, context, work


def _help(function, waiting, done):
    while True:
        try:
            piece = waiting.popleft()
        except IndexError:
            return
        try:
            function(piece)
        except BaseException as error:
            waiting.clear()
            done.put(error)
        else:
            done.put(None)


def is_ours(part) -> bool:
    """Whether a layer, loss or optimizer is of this package, and not of the user's."""
    return type(part).__module__.startswith(PACKAGE)


def current_workers() -> Workers | None:
    """Those of this thread."""
    return getattr(_local, "workers", None)


@contextmanager
def without_workers():
    """Context in which this thread has none."""
    workers = current_workers()
    _local.workers = None
    try:
        yield
    finally:
        _local.workers = workers


def forget_workers() -> None:
    """Have none in this thread: that of a process just forked, which has no threads."""
    _local.workers = None


def n_workers_for(*parts) -> int:
    """How many threads `share` may use: one where layers, losses or an optimizer are the user's.

    Such a part may be one that only one thread may call at a time.
    """
    workers = current_workers()
    if workers is None or workers.are_slow:
        return 1
    return workers.n_workers if all(map(is_ours, parts)) else 1


def share(function: Callable, pieces: Sequence, calls: Sequence = ()) -> None:
    """Call `function` with each of the pieces, in any order, by the threads of `Workers`.

    Parameters
    ----------
    function : callable
        Of one piece; what it writes is no other piece's.
    pieces : sequence
        Few and large: a thread is awake some 50 µs after it was called.
    calls : sequence of object, default=()
        What it calls that may be the user's, see `n_workers_for`.
    """
    workers = current_workers()
    if len(pieces) < 2 or n_workers_for(*calls) == 1:
        for piece in pieces:
            function(piece)
        return
    # What a piece computes is not cut again.
    with without_workers():
        workers.share(function, pieces)
