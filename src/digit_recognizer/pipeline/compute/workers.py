"""Worker processes that end with the run, whatever ends it."""

import re
import signal
import threading
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from pickle import PicklingError

from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import resource_tracker as loky_resource_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from digit_recognizer.errors import GOES_ON, InputError, OutsideError

SECONDS_BETWEEN_LOOKS = 0.5
# Of joblib, when it puts a new process in the place of one whose memory grew.
_REPLACED = "A worker stopped while some jobs were given to the executor"


class SafeWorkers:
    """Context in which joblib's worker processes may be started; an exception ends them at once.

    Parameters
    ----------
    name_work : callable
        From the number of a process to what it works on, for messages, or None.
    """

    def __init__(self, name_work: Callable[[int], str | None]):
        self._name_work = name_work
        self._over = threading.Event()
        self._first_dead: list[str] = []
        self._thread = None
        self._warnings = warnings.catch_warnings()

    def __enter__(self):
        self._warnings.__enter__()
        warnings.filterwarnings("ignore", message=_REPLACED)
        return self

    def __exit__(self, kind, exception, traceback):
        self._over.set()
        self._warnings.__exit__(kind, exception, traceback)
        if kind is not None:
            get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
        if self._thread is not None:
            self._thread.join()
        if kind is not None and issubclass(kind, PicklingError):
            _explain_sharing(exception)
        if kind is not None and issubclass(kind, TerminatedWorkerError):
            work = " or ".join(self._first_dead) or "a network"
            raise OutsideError(
                f"The process that trained {work} was ended from outside, perhaps for lack of "
                f"memory; free some or lower --jobs, and {GOES_ON}"
            ) from exception

    def watch(self) -> None:
        """See to it that the first process to die is known: joblib then ends the others."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        executor = get_reusable_executor(reuse=True)
        while not self._over.is_set():
            processes = {process.sentinel: process.pid for process in _processes(executor)}
            dead = wait(list(processes), SECONDS_BETWEEN_LOOKS) if processes else []
            names = [self._name_work(processes[sentinel]) for sentinel in dead]
            self._first_dead = [name for name in names if name]
            if self._first_dead:
                return
            if dead or not processes:
                # joblib ends idle processes, and those whose memory grew, and starts others.
                self._over.wait(SECONDS_BETWEEN_LOOKS)


@contextmanager
def starting():
    """Start processes that neither Ctrl-C nor the terminal's end reaches: the parent answers.

    A blocked signal stays blocked in the processes and threads started meanwhile.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = _block() if is_main and hasattr(signal, "pthread_sigmask") else None
    try:
        # Each lets SIGINT through when it has been started, which the first worker would do.
        for tracker in (resource_tracker, loky_resource_tracker):
            tracker.ensure_running()
        if before is not None:
            _block()
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _block():
    return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})


def _explain_sharing(error):
    """Say why the arrays that the processes share could not be written, if that is the reason."""
    # joblib writes them on its way to the processes, and hands on the traceback as text.
    reason = re.search(r"Error: \[Errno \d+\] ([^:\n]+)", str(error.__cause__))
    if reason is not None:
        raise InputError(
            f"The data cannot be shared with other processes ({reason[1]}); set JOBLIB_TEMP_FOLDER "
            "to a folder of your own with space, or give --jobs 1."
        ) from error


def _processes(executor):
    return list((executor._processes or {}).values())
