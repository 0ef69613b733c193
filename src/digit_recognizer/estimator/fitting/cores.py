"""The cores for a fit or a prediction: as many as BLAS would take."""

import os
import threading
from functools import cache

from threadpoolctl import ThreadpoolController

from digit_recognizer.nn.arrays.workers import Workers

_local = threading.local()


class _OneBlasThread:
    """BLAS multiplies with one thread while any thread of the process is inside.

    The setting is the whole process's: it is changed with the first that comes and put back with
    the last that leaves. But OpenMP's is each thread's own.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._n_inside = 0
        self._before: list[tuple] = []

    def enter(self) -> tuple[int, list[tuple]]:
        """The threads that BLAS would have taken, and what this thread has to put back."""
        with self._lock:
            self._n_inside += 1
            before = [(blas, number) for blas in _blas() if (number := blas.num_threads)]
            _use_one_thread()
            own = [pair for pair in before if _is_each_threads_own(pair[0])]
            if self._n_inside == 1:
                self._before = [pair for pair in before if pair not in own]
            # Where others are inside it is one, unless it is each thread's own.
            return max((number for _, number in before), default=1), own

    def leave(self, own):
        with self._lock:
            self._n_inside -= 1
            _set(own if self._n_inside else [*own, *self._before])

    def after_fork(self):
        """In a child only the thread that forked lives on, and only that can be inside."""
        self._lock = threading.Lock()
        if self._n_inside and not _is_inside():
            _set(self._before)
        self._n_inside = int(_is_inside())


class AllCores:
    """Context in which `nn` uses the cores that BLAS would take, and BLAS one in each thread.

    So `threadpool_limits`, OMP_NUM_THREADS and what joblib grants its workers hold, and the result
    is the same bytes for any number of them. Inside another one of the same thread it does nothing.
    """

    def __enter__(self):
        self._is_outermost = not _is_inside()
        if self._is_outermost:
            n_cores, self._own = _one_blas_thread.enter()
            _local.is_inside = True
            self._workers = Workers(n_cores, _use_one_thread)
            self._workers.__enter__()

    def __exit__(self, *exception):
        if self._is_outermost:
            self._workers.__exit__(*exception)
            _local.is_inside = False
            _one_blas_thread.leave(self._own)


def _is_each_threads_own(blas):
    return getattr(blas, "threading_layer", None) == "openmp"


def _use_one_thread():
    _set([(blas, 1) for blas in _blas()])


def _set(numbers):
    for blas, number in numbers:
        if blas.num_threads != number:
            # Of its own accord threadpoolctl changes OpenBLAS for one thread of the process only,
            # the first that asked.
            getattr(blas, "_real_set_num_threads", blas.set_num_threads)(number)


@cache
def _blas():
    """NumPy's own BLAS where it has one, otherwise all there are."""
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [blas for blas in found if "numpy" in blas.filepath] or found


def _is_inside():
    return getattr(_local, "is_inside", False)


_one_blas_thread = _OneBlasThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_blas_thread.after_fork)
