"""The processes that train: started early, and ended with their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from joblib import delayed
from joblib.externals.loky import get_reusable_executor

from digit_recognizer.pipeline.compute.backends import _parallel, processes_started
from digit_recognizer.pipeline.recipes.sections import Compute

SCRIPT = """
import time
from joblib.externals.loky import get_reusable_executor
from digit_recognizer.pipeline.compute.backends import processes_started
from digit_recognizer.pipeline.recipes.sections import Compute

if __name__ == "__main__":
    with processes_started(Compute(jobs=2), 2):
        pass
    print(*get_reusable_executor(reuse=True)._processes, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def no_processes():
    yield
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def pids():
    return set(get_reusable_executor(reuse=True)._processes or ())


def status(pid, name):
    """What the system says of a process; "X" of one that is no more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def is_running(pid):
    return status(pid, "State") not in "XZ"


def wait_until(condition):
    deadline = time.monotonic() + 600
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def test_the_processes_started_early_are_those_that_work():
    with processes_started(Compute(jobs=2), 4):
        started = pids()
    assert len(started) == 2
    assert set(_parallel(2)(delayed(os.getpid)() for _ in range(8))) <= started


@pytest.mark.parametrize(
    "settings", [Compute(jobs=1), Compute(jobs=2, backend="dask")], ids=["one", "dask"]
)
def test_none_are_started_where_none_are_needed(settings, monkeypatch):
    monkeypatch.setattr("digit_recognizer.pipeline.compute.backends._parallel", pytest.fail)
    with processes_started(settings, 4):
        pass


def test_they_end_without_a_word_when_what_is_done_meanwhile_fails(recwarn):
    with pytest.raises(ValueError, match="no such data"), processes_started(Compute(jobs=2), 2):
        started = pids()
        raise ValueError("no such data")
    assert len(started) == 2
    wait_until(lambda: not any(map(is_running, started)))
    assert not recwarn.list


def test_one_that_is_killed_early_is_replaced():
    with processes_started(Compute(jobs=2), 2):
        started = pids()
        for pid in started:
            os.kill(pid, signal.SIGKILL)
    workers = set(_parallel(2)(delayed(os.getpid)() for _ in range(8)))
    assert workers
    assert not workers & started


def test_ctrl_c_cannot_reach_them_however_early_and_they_end_with_their_parent(tmp_path):
    # In a process of its own, where nothing has started the resource trackers yet.
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        started = [int(pid) for pid in parent.stdout.readline().split()]
        blocked = [status(pid, "SigBlk") for pid in started]
        # Killed before there is work.
        parent.kill()
    assert len(started) == 2
    assert all(int(mask, 16) & 1 << signal.SIGINT - 1 for mask in blocked)
    wait_until(lambda: not any(map(is_running, started)))
