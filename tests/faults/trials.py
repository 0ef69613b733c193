"""Runs that a fault happens to, beside one that nothing happens to."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from injectors import Disk
from workplace import Workplace, ending


@dataclass(frozen=True)
class Fault:
    """What happens to a run, how often, and with how many jobs.

    Parameters
    ----------
    inject : callable
        Makes it happen once to a `Trial`, and leaves no process; whether it happened.
    times : int, default=3
        To one run.
    jobs : tuple of str
    is_possible : callable
        Whether it can be made to happen on this machine.
    """

    inject: Callable
    times: int = 3
    jobs: tuple[str, ...] = ("1", "2")
    is_possible: Callable = lambda: True


class Whole:
    """The run that nothing happens to.

    Parameters
    ----------
    folder : Path
        To be made.
    recipe : str or Path
    data : Path or None

    Attributes
    ----------
    seconds, seconds_to_start : float
        Of the command, and of the same command once more.
    recipe, data : Path
    results : dict of str to bytes
    n_bytes : int
        Of what it leaves.
    """

    def __init__(self, folder, recipe, data):
        folder.mkdir()
        work = Workplace(folder, recipe, data)
        self.seconds, self.seconds_to_start = self._time(work), self._time(work)
        self.recipe, self.data = recipe, data or folder / "data" / "sample"
        self.results = work.results()
        self.n_bytes = sum(p.stat().st_size for p in work.run.rglob("*") if p.is_file())

    @staticmethod
    def _time(work):
        start = time.perf_counter()
        end = work.submit("--jobs", "1")
        if end.status != 0:
            sys.exit("\n".join(end.lines))
        return time.perf_counter() - start


@dataclass
class Trial:
    """One run that a fault happens to.

    Parameters
    ----------
    work : Workplace
    random : Random
    fault : Fault
        How often it happens, and with how many jobs.
    whole : Whole
        The run that nothing happens to.
    disk : Disk, optional
        That the run is on.
    n_tracebacks : int
        That its processes printed.
    refused : bool
        Whether it always refused what it must.
    same : bool
        Whether its bytes were the right ones each time it was finished.
    """

    work: Workplace
    random: Random
    fault: Fault
    whole: Whole
    disk: Disk | None = None
    n_tracebacks: int = 0
    refused: bool = True
    same: bool = True

    def start(self, **how):
        """Start the run, or go on with it, in an environment drawn at random."""
        drawn = {
            "PYTHONHASHSEED": self.random.choice(["0", "1", "random"]),
            "OMP_NUM_THREADS": self.random.choice(["1", "2"]),
        }
        return self.work.start("--jobs", self.random.choice(self.fault.jobs), **drawn | how)

    def end(self, process):
        """Wait for a process's end; its status."""
        end = ending(process)
        # Until the command line has the signals, Python itself answers them.
        if end.lines[-1:] != ["KeyboardInterrupt"]:
            self.n_tracebacks += sum("Traceback" in line for line in end.lines)
        return end.status

    def on_a_disk(self, n_bytes):
        """Move the run to a disk of its own."""
        if self.disk is not None:
            self.disk.remount(f"size={n_bytes}")
            return self.disk
        self.disk = Disk(self.work.folder, n_bytes)
        self.work = self.disk.workplace(self.work.recipe, self.work.data)
        return self.disk

    def started(self):
        """Start, and wait until a random moment; None if the run is finished before."""
        process = self.start()
        deadline = time.monotonic() + self.moment()
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is None:
            return process
        self.end(process)
        return None

    def moment(self):
        """Seconds from a start such that all faults find something left to do, in the mean."""
        training = self.whole.seconds - self.whole.seconds_to_start
        longest = self.whole.seconds_to_start + 2 * training / (self.fault.times + 1)
        return self.random.uniform(0, longest)

    def suffer(self) -> int:
        """Let the fault happen, and start over where the run is finished too early; how often."""
        injected = 0
        for _ in range(2 * self.fault.times):
            if self.fault.inject(self):
                injected += 1
            elif self.work.has_run() and (self.work.run / "metrics.json").exists():
                self.same &= self.work.results() == self.whole.results
                shutil.rmtree(self.work.run)
            if injected == self.fault.times:
                break
        return injected

    def finish(self) -> bool:
        """Go on without faults; whether the run is finished then."""
        finished = self.end(self.start()) == 0
        self.same &= finished and self.work.results() == self.whole.results
        return finished
