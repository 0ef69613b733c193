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
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from random import Random

# Beside this folder; pytest finds it by its settings.
sys.path.append(str(Path(__file__).parents[1]))

from injectors import (
    Disk,
    can_shift_clock,
    date_files,
    flip_bit,
    kill,
    kill_group,
    kill_worker,
    shifted_clock,
    truncate,
)
from trials import Fault, Trial, Whole
from workplace import SAMPLE_RECIPE, SOURCE, Workplace

from dask_cluster import DaskCluster
from digit_recognizer.pipeline.recipes.recipe import find_recipe

RECIPE = SOURCE.parent / "recipes" / "soak.toml"
DAY = 86_400
PLENTY = 1 << 30


def signal_run(trial, number, send=kill):
    """Kill the run, or tell it to end."""
    process = trial.started()
    if process is not None:
        send(process, number)
        trial.end(process)
    return process is not None


def signal_worker(trial, number):
    """Kill a worker, or tell it to end."""
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
    size = int(trial.whole.n_bytes * trial.random.uniform(0, 0.1))
    return trial.end(trial.start(file_size=size)) != 0


def fill_disk(trial):
    """Put the run on a disk on which only a random part of it has room; make room at its end."""
    disk = trial.on_a_disk(int(trial.whole.n_bytes * trial.random.uniform(0.05, 0.95)))
    status = trial.end(trial.start())
    disk.remount(f"size={PLENTY}")
    return status != 0


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
    time.sleep(trial.moment())
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


def lose_dask_worker(trial):
    """Train on a Dask cluster of two workers, and kill one in the middle of a fold."""
    recipe = trial.work.recipe
    with DaskCluster(trial.work.folder / "dask") as cluster:
        trial.work.recipe = trial.work.folder / "dask" / recipe.name
        text = f'[compute]\nbackend = "dask"\nscheduler = "{cluster.address}"\n'
        trial.work.recipe.write_text(f"{recipe.read_text()}\n{text}")
        process = trial.started()
        while process is not None and process.poll() is None:
            busy = trial.work.workers() if trial.work.has_run() else []
            if busy:
                cluster.kill(trial.random.choice(busy))
                break
            time.sleep(0.01)
        status = 1 if process is None else trial.end(process)
    trial.work.recipe = recipe
    trial.same &= status != 0 or trial.work.results() == trial.whole.results
    return status == 0


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
    "disk full": Fault(fill_disk, 1, is_possible=Disk.may_mount),
    "disk read-only": Fault(forbid_writing, 1, is_possible=Disk.may_mount),
    "clock set back": Fault(set_clock_back, is_possible=can_shift_clock),
    "data changed": Fault(change_data),
    "Dask worker killed": Fault(lose_dask_worker, 1, ("2",)),
}


@dataclass
class Tally:
    """Of one fault: times injected, times survived, runs and those with the same bytes."""

    injected: int = 0
    survived: int = 0
    runs: int = 0
    equal: int = 0

    def add(self, other):
        """Add those of another run."""
        for field in fields(self):
            total = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, total)

    def row(self, name):
        """A line of the table."""
        equal = f"{self.equal} of {self.runs}" if self.runs else "-"
        return f"{name:<24}{self.injected:>12}{self.survived:>12}{equal:>16}"

    def is_good(self):
        """Whether nothing was lost."""
        return self.survived == self.injected and self.equal == self.runs


def survive(name: str, fault: Fault, whole: Whole, place: Path, random: Random) -> Tally:
    """Let a fault happen to a run, and see how it ends."""
    trial = Trial(Workplace(place, whole.recipe, whole.data), random, fault, whole)
    injected = trial.suffer()
    good = trial.finish() and trial.refused and trial.n_tracebacks == 0
    if trial.disk is not None:
        if not (good and trial.same):
            shutil.copytree(trial.work.seen_at, place, dirs_exist_ok=True)
        trial.disk.close()
    if good and trial.same:
        shutil.rmtree(place, ignore_errors=True)
    else:
        print(f"{name}: what it left is kept in {place}", file=sys.stderr)
    return Tally(injected, injected * good, 1, int(trial.same))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="default: 10")
    parser.add_argument(
        "--data", type=Path, help="folder with train.csv and test.csv; default: the sample"
    )
    parser.add_argument(
        "--recipe", help="name or path; default: recipes/soak.toml, for the sample a small one"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    options = parser.parse_args()
    if options.recipe is None:
        options.recipe = SAMPLE_RECIPE if options.data is None else RECIPE
    else:
        options.recipe = find_recipe(options.recipe).resolve()
    options.data = options.data and options.data.resolve()
    return options


def print_report(whole: Whole, tallies: dict[str, Tally]) -> None:
    """Print the table."""
    print(f"A run that nothing happens to takes {whole.seconds:.0f} s; SHA-256 of its files:")
    for name, content in whole.results.items():
        print(f"{name:<16}{hashlib.sha256(content).hexdigest()}")
    print(f"\n{'fault':<24}{'injected':>12}{'survived':>12}{'bytes equal':>16}")
    print("\n".join(tally.row(name) for name, tally in tallies.items()))
    for name in FAULTS.keys() - tallies.keys():
        print(f"{name}: not tried, for want of a C compiler or of the right to mount")


def main() -> int:
    """Run until the time is over; returns the exit status."""
    options = parse_options()
    deadline = time.monotonic() + 60 * options.minutes
    random = Random(options.seed)
    faults = {name: fault for name, fault in FAULTS.items() if fault.is_possible()}
    tallies = {name: Tally() for name in faults}
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    whole = Whole(folder / "whole", options.recipe, options.data)
    for name in itertools.cycle(faults):
        place = Path(tempfile.mkdtemp(dir=folder))
        tallies[name].add(survive(name, faults[name], whole, place, random))
        if time.monotonic() > deadline:
            break
    print_report(whole, tallies)
    if not all(tally.is_good() for tally in tallies.values()):
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
