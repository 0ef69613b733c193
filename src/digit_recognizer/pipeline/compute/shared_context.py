"""A context that several threads are in at once."""

import threading
from collections.abc import Callable


class SharedContext:
    """Entered with the first of its threads, left with the last.

    A setting of the whole process that each thread changed and put back for itself would be put
    back while others still need it changed.

    Parameters
    ----------
    make : callable
        Makes the context manager anew, whenever a first thread enters.
    """

    def __init__(self, make: Callable):
        self._make = make
        self._lock = threading.Lock()
        self._n_inside = 0
        self._context = None

    def __enter__(self):
        with self._lock:
            if self._n_inside == 0:
                self._context = self._make()
                self._context.__enter__()
            self._n_inside += 1

    def __exit__(self, *exception):
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._context.__exit__(None, None, None)
