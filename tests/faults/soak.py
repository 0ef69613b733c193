"""Faults at random moments, again and again, and whether the bytes stay the same.

    python tests/faults/soak.py [--minutes N] [--data FOLDER] [--recipe NAME] [--seed N]

First a run that nothing happens to; then for each fault a run that it happens to several times,
continued with the same command until it is finished, and its `submission.csv` and `oof.csv`
compared with the first run's. Each start draws the number of jobs where the fault leaves it open,
`PYTHONHASHSEED` and `OMP_NUM_THREADS`. The rounds go on until the time is over; at least the first
fault has its turn. The exit status is 1 if a run did not finish or its bytes differ.
"""

import argparse
import hashlib
import itertools
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from workplace import SOURCE, Workplace, ending

from faults import (
    Disk,
    date_files,
    flip_bit,
    kill,
    kill_group,
    kill_worker,
    shifted_clock,
    truncate,
)

RECIPE = SOURCE.parent / "recipes" / "soak.toml"
SAMPLE_RECIPE = Path(__file__).with_name("sample.toml")
DAY = 86_400
# A run is cut into about this many parts by the faults it meets.
PARTS = 6
PLENTY = 1 << 30


@dataclass
class Trial:
    """One run that a fault happens to.

    Parameters
    ----------
    work : Workplace
    random : Random
    seconds : float
        That a run takes which nothing happens to.
    n_bytes : int
        That it leaves in its folder.
    jobs : tuple of str
        To draw from at each start.
    disk : Disk, optional
        That the run is on.
    n_tracebacks : int
        That its processes printed.
    refused : bool
        Whether it always refused what it must.
    """

    work: Workplace
    random: Random
    seconds: float
    n_bytes: int
    jobs: tuple[str, ...] = ("1", "2")
    disk: Disk | None = None
    n_tracebacks: int = 0
    refused: bool = True

    def start(self, **how):
        """Start the run, or go on with it, in an environment drawn at random."""
        drawn = {
            "PYTHONHASHSEED": self.random.choice(["0", "1", "random"]),
            "OMP_NUM_THREADS": self.random.choice(["1", "2"]),
        }
        return self.work.start("--jobs", self.random.choice(self.jobs), **drawn | how)

    def end(self, process):
        """Wait for a process's end; its status."""
        end = ending(process)
        self.n_tracebacks += sum("Traceback" in line for line in end.lines)
        return end.status

    def on_a_disk(self, n_bytes):
        """Move the run to a disk of its own."""
        self.disk = Disk(self.work.folder, n_bytes)
        self.work = self.disk.workplace(self.work.recipe, self.work.data)
        return self.disk

    def started(self):
        """Start, and wait until a random moment; None if the run is finished before."""
        process = self.start()
        deadline = time.monotonic() + self.random.uniform(0, self.seconds * 2 / PARTS)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is None:
            return process
        self.end(process)
        return None


def signal_run(trial, number, send=kill):
    """Kill the run, or tell it to end."""
    process = trial.started()
    if process is not None:
        send(process, number)
        trial.end(process)
    return process is not None


def signal_worker(trial, number):
    """Kill a worker, or tell it to end."""
    trial.jobs = ("2",)
    process = trial.started()
    if process is None:
        return False
    hit = None
    while process.poll() is None and hit is None:
        time.sleep(0.01)
        if trial.work.has_run():
            hit = kill_worker(trial.work, process, trial.random, number)
    # A worker leaves SIGINT to its parent.
    if number == signal.SIGINT:
        kill(process, number)
    trial.end(process)
    return hit is not None


def damage(trial, how):
    """Kill the run and damage one of its files."""
    signal_run(trial, signal.SIGKILL)
    if not trial.work.has_run():
        return False
    files = [p for p in sorted(trial.work.run.rglob("*")) if p.is_file() and p.stat().st_size]
    how(trial.random.choice(files), trial.random)
    return True


def limit_files(trial):
    """Let no file be larger than a random part of what the run leaves in all."""
    trial.end(trial.start(file_size=int(trial.n_bytes * trial.random.uniform(0, 0.1))))
    return True


def fill_disk(trial):
    """Put the run on a disk on which only a random part of it has room; make room at its end."""
    disk = trial.on_a_disk(int(trial.n_bytes * trial.random.uniform(0.05, 0.95)))
    trial.end(trial.start())
    disk.remount(f"size={PLENTY}")
    return True


def forbid_writing(trial):
    """Kill the run, and start it while its disk may not be written."""
    disk = trial.on_a_disk(PLENTY)
    signal_run(trial, signal.SIGKILL)
    disk.remount("ro")
    trial.end(trial.start())
    disk.remount("rw")
    return True


def set_clock_back(trial):
    """Kill the run, and go on at an earlier time than the files are from."""
    signal_run(trial, signal.SIGKILL)
    date_files(trial.work.folder / "runs", time.time() + trial.random.uniform(0, 30 * DAY))
    clock = shifted_clock(trial.work.folder / "clock", -30 * DAY)
    process = trial.start(**clock)
    time.sleep(trial.random.uniform(0, trial.seconds / PARTS))
    kill(process, signal.SIGKILL)
    trial.end(process)
    return True


def change_data(trial):
    """Kill the run, and start it with another pixel in its data, which it must refuse."""
    if not trial.work.folder.samefile(trial.work.data.parent):
        trial.work.data = shutil.copytree(trial.work.data, trial.work.folder / "data")
    # A run that is finished, or did not come to know its data, refuses no others.
    if not signal_run(trial, signal.SIGKILL) or not trial.work.has_run():
        return False
    path = trial.work.data / "train.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b",255,", b",254,", 1))
    trial.refused &= trial.end(trial.start()) == 2
    path.write_bytes(content)
    return True


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
    needs_disk : bool, default=False
        Whether it mounts one.
    """

    inject: Callable
    times: int = 3
    jobs: tuple[str, ...] = ("1", "2")
    needs_disk: bool = False


# Another kind of fault, or of workers, is another line here.
FAULTS = {
    "SIGKILL, jobs 1": Fault(partial(signal_run, number=signal.SIGKILL), 10, ("1",)),
    "SIGKILL, jobs 2": Fault(partial(signal_run, number=signal.SIGKILL), 10, ("2",)),
    "SIGTERM": Fault(partial(signal_run, number=signal.SIGTERM)),
    "SIGINT of the group": Fault(partial(signal_run, number=signal.SIGINT, send=kill_group)),
    "SIGKILL of a worker": Fault(partial(signal_worker, number=signal.SIGKILL), jobs=("2",)),
    "SIGTERM of a worker": Fault(partial(signal_worker, number=signal.SIGTERM), jobs=("2",)),
    "SIGINT of a worker": Fault(partial(signal_worker, number=signal.SIGINT), jobs=("2",)),
    "a file cut off": Fault(partial(damage, how=truncate)),
    "a bit flipped": Fault(partial(damage, how=flip_bit)),
    "file size limited": Fault(limit_files),
    "disk full": Fault(fill_disk, 1, needs_disk=True),
    "disk read-only": Fault(forbid_writing, 1, needs_disk=True),
    "clock set back": Fault(set_clock_back),
    "data changed": Fault(change_data),
}


@dataclass
class Tally:
    """Of one fault: times injected, times survived, runs and those with the same bytes."""

    injected: int = 0
    survived: int = 0
    runs: int = 0
    equal: int = 0

    def row(self, name):
        """Of the table."""
        equal = f"{self.equal} of {self.runs}" if self.runs else "-"
        return f"{name:<24}{self.injected:>12}{self.survived:>12}{equal:>16}"

    def is_good(self):
        """Whether nothing was lost."""
        return self.survived == self.injected and self.equal == self.runs


class Soak:
    """The run that nothing happens to, and those that faults happen to.

    Parameters
    ----------
    folder : Path
        For all of them, empty.
    recipe : str or Path
    data : Path or None
    seed : int
    """

    def __init__(self, folder, recipe, data, seed):
        self.folder, self.recipe = folder, recipe
        self.random = Random(seed)
        whole = Workplace(folder / "whole", recipe, data)
        whole.folder.mkdir()
        start = time.perf_counter()
        end = whole.submit("--jobs", "1")
        if end.status != 0:
            sys.exit("\n".join(end.lines))
        self.seconds = time.perf_counter() - start
        self.data = data or whole.folder / "data" / "sample"
        self.expected = whole.results()
        self.n_bytes = sum(p.stat().st_size for p in whole.run.rglob("*") if p.is_file())

    def survive(self, name: str, fault: Fault, tally: Tally) -> None:
        """Let a fault happen to a run, and see how it ends."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        work = Workplace(place, self.recipe, self.data)
        trial = Trial(work, self.random, self.seconds, self.n_bytes, fault.jobs)
        injected = sum(fault.inject(trial) for _ in range(fault.times))
        finished = trial.end(trial.start()) == 0
        same = finished and trial.work.results() == self.expected
        survived = finished and trial.refused and trial.n_tracebacks == 0
        tally.injected += injected
        tally.survived += injected if survived else 0
        tally.runs += 1
        tally.equal += same
        if survived and same:
            shutil.rmtree(place, ignore_errors=True)
        else:
            print(f"{name}: {place} is kept", file=sys.stderr)
        if trial.disk is not None:
            trial.disk.close()


def main() -> int:
    """Parse the options, run, print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="default: 10")
    parser.add_argument("--data", type=Path, help="folder of the files; default: the sample")
    parser.add_argument("--recipe", help="default: recipes/soak.toml, for the sample a small one")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    recipe = options.recipe or (SAMPLE_RECIPE if options.data is None else RECIPE)
    data = options.data and options.data.resolve()
    faults = {n: f for n, f in FAULTS.items() if Disk.may_mount() or not f.needs_disk}
    tallies = {name: Tally() for name in faults}
    soak = Soak(Path(tempfile.mkdtemp(prefix="soak-")), recipe, data, options.seed)
    for name in itertools.cycle(faults):
        soak.survive(name, faults[name], tallies[name])
        if time.monotonic() > deadline:
            break
    print(f"A run that nothing happens to takes {soak.seconds:.0f} s; its bytes have SHA-256")
    for name, content in soak.expected.items():
        print(f"{name:<15}{hashlib.sha256(content).hexdigest()}")
    print(f"{'fault':<24}{'injected':>12}{'survived':>12}{'bytes equal':>16}")
    print("\n".join(tally.row(name) for name, tally in tallies.items()))
    for name in FAULTS.keys() - faults.keys():
        print(f"{name}: not tried, for want of the right to mount a disk")
    if all(tally.is_good() for tally in tallies.values()):
        shutil.rmtree(soak.folder, ignore_errors=True)
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
