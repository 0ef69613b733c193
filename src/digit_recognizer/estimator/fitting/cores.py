"""The cores for a fit or a prediction: as many as BLAS would take."""

import os
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

from digit_recognizer.nn.arrays.workers import Workers


class _Thread(threading.local):
    """What each thread has of its own: whether it is inside, and who grants it cores."""

    is_inside = False
    grant = None


_local = _Thread()


class _Blas:
    """One BLAS: the threads it takes, by its own functions where they are known.

    threadpoolctl, from 3.7 on, changes OpenBLAS for one thread of the process only, the first that
    asked; and it takes a microsecond more, of a prediction's hundred.
    """

    def __init__(self, controller):
        layer = getattr(controller, "threading_layer", None)
        self.is_each_threads_own = layer == "openmp"
        self.get, self.set = controller.get_num_threads, controller.set_num_threads
        if controller.internal_api == "openblas" and layer == "pthreads":
            library = controller.dynlib
            name = next(name for name in controller.check_symbols if hasattr(library, name))
            self.get = getattr(library, name)
            self.set = getattr(library, name.replace("_get_", "_set_"))


class _OneBlasThread:
    """BLAS multiplies with one thread while any thread of the process is inside.

    The setting is the whole process's: it is changed with the first that comes and put back with
    the last that leaves. But OpenMP's is each thread's own.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._n_inside = 0
        self._before: list[tuple] = []

    def enter(self) -> list[tuple]:
        """Those that would have taken more, with how many: none if others are inside."""
        with self._lock:
            self._n_inside += 1
            before = [(blas, n) for blas in _blas() if (n := blas.get() or 1) > 1]
            if self._n_inside == 1:
                self._before = before
            for blas, _ in before:
                blas.set(1)
            return before

    def leave(self, before):
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                _put_back(self._before)
            if before:
                _put_back([pair for pair in before if pair[0].is_each_threads_own])

    def after_fork(self):
        """In a child only the thread that forked lives on, and only that can be inside."""
        self._lock = threading.Lock()
        if self._n_inside and not _local.is_inside:
            _put_back(self._before)
        self._n_inside = int(_local.is_inside)


class AllCores:
    """Context in which `nn` uses the cores that BLAS would take, and BLAS one in each thread.

    So `threadpool_limits`, OMP_NUM_THREADS and what joblib grants its workers hold, or what
    `granted_cores` says, and the result is the same bytes for any number of them. Inside another
    one of the same thread it does nothing.

    Parameters
    ----------
    one : bool, default=False
        Take one core: for what is over before a second thread is awake.
    """

    def __init__(self, one=False):
        self._one = one
        self._workers = None

    def __enter__(self):
        self._is_outermost = not _local.is_inside
        if not self._is_outermost:
            return
        granted = None if self._one or _local.grant is None else _local.grant()
        self._before = _one_blas_thread.enter()
        _local.is_inside = True
        if not self._one:
            of_blas = max((n for _, n in self._before), default=1)
            self._workers = Workers(of_blas if granted is None else granted, _use_one_thread)
            self._workers.__enter__()

    def __exit__(self, *exception):
        if not self._is_outermost:
            return
        try:
            if self._workers is not None:
                self._workers.__exit__(*exception)
        finally:
            # A second Ctrl-C does not wait for the threads.
            _local.is_inside = False
            _one_blas_thread.leave(self._before)


@contextmanager
def granted_cores(grant: Callable[[], int]):
    """Context in which this thread's fits and predictions take as many cores as are granted.

    Parameters
    ----------
    grant : callable
        The number, asked for anew before each epoch and each prediction; in place of what BLAS
        would take.
    """
    before, _local.grant = _local.grant, grant
    try:
        yield
    finally:
        _local.grant = before


def n_blas_threads() -> int:
    """As many threads as BLAS would take."""
    return max((blas.get() or 1 for blas in _blas()), default=1)


def _use_one_thread():
    for blas in _blas():
        blas.set(1)


def _put_back(before):
    for blas, number in before:
        blas.set(number)


@cache
def _blas():
    """NumPy's own BLAS where it has one, otherwise all there are."""
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [_Blas(one) for one in [one for one in found if "numpy" in one.filepath] or found]


_one_blas_thread = _OneBlasThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_blas_thread.after_fork)
