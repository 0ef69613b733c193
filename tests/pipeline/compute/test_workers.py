"""The watch over worker processes."""

import time
import warnings
from multiprocessing import Pipe
from pickle import PicklingError
from types import SimpleNamespace

import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.pipeline.compute import workers
from digit_recognizer.pipeline.compute.workers import SafeWorkers


@pytest.fixture
def executor(monkeypatch):
    """What stands for joblib's; its processes are of the class `Sentinel`."""
    fake = SimpleNamespace(_processes={}, shutdown=lambda **_: None)
    monkeypatch.setattr(workers, "get_reusable_executor", lambda **_: fake)
    monkeypatch.setattr(workers, "SECONDS_BETWEEN_LOOKS", 0.01)
    return fake


class Sentinel:
    """A process that has ended as soon as it is told to."""

    def __init__(self, pid):
        self.pid = pid
        self.sentinel, self._end = Pipe(duplex=False)

    def end(self):
        self._end.close()


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_the_fold_of_a_dead_process_is_named_after_an_idle_one_has_ended(executor):
    idle, busy = Sentinel(1), Sentinel(2)
    executor._processes = {1: idle, 2: busy}
    with (
        pytest.raises(OutsideError, match="The process that trained fold 2 was ended from outside"),
        SafeWorkers({1: None, 2: "fold 2"}.get) as safe,
    ):
        safe.watch()
        idle.end()
        time.sleep(0.1)
        busy.end()
        wait_until(lambda: safe._first_dead)
        raise TerminatedWorkerError


def test_a_worker_that_joblib_replaces_is_no_warning(executor):
    with SafeWorkers({}.get):
        warnings.warn("A worker stopped while some jobs were given to the executor.", stacklevel=1)
    with pytest.warns(UserWarning, match="A worker stopped"):
        warnings.warn("A worker stopped while some jobs were given to the executor.", stacklevel=1)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("OSError: [Errno 28] No space left on device: '/dev/shm/a'", "No space left on device"),
        ("PermissionError: [Errno 13] Permission denied: '/a/b'", "Permission denied"),
    ],
)
def test_arrays_that_cannot_be_shared_are_explained(executor, cause, reason):
    error = PicklingError("Could not pickle the task to send it to the workers.")
    error.__cause__ = RuntimeError(f"…\n{cause}\n")
    with (
        pytest.raises(InputError) as caught,
        SafeWorkers({}.get),
    ):
        raise error
    assert str(caught.value) == (
        f"The data cannot be shared with other processes ({reason}); set "
        "JOBLIB_TEMP_FOLDER to a folder of your own with space, or give --jobs 1."
    )


def test_a_task_that_cannot_be_sent_for_another_reason_stays_an_error(executor):
    with pytest.raises(PicklingError), SafeWorkers({}.get):
        raise PicklingError("a lambda")
