"""A Dask cluster for tests: a scheduler and workers, each a process of its own."""

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import digit_recognizer

SECONDS_TO_START = 300
_LOCAL = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")


def wait_until(condition, what, seconds=SECONDS_TO_START, pause=0.01):
    """Return what `condition` does as soon as that is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)
    return found


class DaskCluster:
    """A scheduler and workers without nannies, to be used as a context or closed by `stop`.

    Parameters
    ----------
    folder : Path
        For their logs and scratch files.
    n_workers : int, default=2
    n_threads : int, default=1
        Of each worker.
    settings : dict, default=None
        Environment variables of the scheduler and the workers.

    Attributes
    ----------
    address : str
        The scheduler's, on a port that was free.
    scheduler : subprocess.Popen
    workers : list of subprocess.Popen
    """

    def __init__(self, folder: Path, n_workers=2, n_threads=1, settings=None):
        self.folder = folder
        self.n_threads = n_threads
        self.workers = []
        folder.mkdir(parents=True, exist_ok=True)
        places = (Path(digit_recognizer.__file__).parents[1], Path(__file__).parent)
        path = os.pathsep.join(map(str, places))
        self._environment = os.environ | {"PYTHONPATH": path} | (settings or {})
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(file))
        try:
            wait_until(lambda: self._address(file), "the scheduler's address")
            self.address = self._address(file)
            for _ in range(n_workers):
                self.start_worker()
            self.wait_for_workers(n_workers)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def _start(self, what, *options):
        n_logs = len(list(self.folder.glob("*.log")))
        # Their own folder, for the run's must not be found by a relative path.
        with (self.folder / f"{what}-{n_logs}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, *_LOCAL],
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @staticmethod
    def _address(file):
        try:
            return json.loads(file.read_text())["address"]
        except (OSError, ValueError):
            return None

    def start_worker(self) -> subprocess.Popen:
        """Start one more worker; `wait_for_workers` waits for it."""
        options = ("--no-nanny", "--nthreads", str(self.n_threads), "--memory-limit", "0")
        scratch = ("--local-directory", str(self.folder / "scratch"))
        worker = self._start("worker", self.address, *options, *scratch)
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, n_workers: int) -> None:
        """Wait until the scheduler knows of exactly `n_workers`."""
        from distributed import Client

        with Client(self.address, timeout=SECONDS_TO_START, set_as_default=False) as client:
            wait_until(
                lambda: len(client.run_on_scheduler(list_workers)) == n_workers,
                f"{n_workers} workers",
                pause=0.2,
            )

    def kill(self, pid: int) -> None:
        """Kill the worker of that process."""
        (worker,) = (worker for worker in self.workers if worker.pid == pid)
        self.workers.remove(worker)
        worker.kill()
        worker.wait(SECONDS_TO_START)

    def stop(self) -> None:
        """End all processes."""
        processes = [*self.workers, self.scheduler]
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(SECONDS_TO_START)


def list_workers(dask_scheduler) -> list[str]:
    """Addresses of the workers; runs in the scheduler."""
    return list(dask_scheduler.workers)


def list_tasks(dask_scheduler) -> dict[str, list[int]]:
    """Bytes of the data the scheduler knows, and of the tasks to run; runs in the scheduler."""
    tasks = list(dask_scheduler.tasks.values())
    return {
        "data": sorted(task.nbytes for task in tasks if task.run_spec is None),
        "tasks": [len(pickle.dumps(task.run_spec)) for task in tasks if task.run_spec is not None],
    }
