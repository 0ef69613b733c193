"""Worker processes that end with the run, whatever ends it."""

import signal
import threading
from contextlib import contextmanager

from joblib.externals.loky import get_reusable_executor


class SafeWorkers:
    """Context in which joblib's worker processes may be started; an exception ends them at once."""

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, traceback):
        if kind is not None:
            get_reusable_executor(max_workers=1, reuse=True).shutdown(wait=True, kill_workers=True)

    @staticmethod
    @contextmanager
    def starting():
        """Start processes that Ctrl-C in the terminal does not reach: the parent answers for them.

        A blocked signal stays blocked in the processes started meanwhile.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
