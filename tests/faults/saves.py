"""Saved estimators while their writers are killed, fail, or are many: what is lost, and the cost.

    python tests/faults/saves.py [--kills N] [--failures N] [--loads N] [--searches N] [--seed N]

Every file that is loaded must be the estimator of one epoch of one training, to the last bit. The
exit status is 1 if one was refused, or another, or went back to an earlier one.
"""

import argparse
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

# Processes fork, and a network this small gains nothing from threads.
os.environ["OMP_NUM_THREADS"] = "1"

from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.estimator import Checkpoint
from digit_recognizer.files import leftovers

X, Y = load_iris(return_X_y=True)
X = scale(X)
N_EPOCHS, EVERY_EPOCH = 20, {"tol": 0.0, "n_iter_no_change": float("inf")}
SECONDS_OF_A_SAVER = 0.08


def network(number, n_epochs=N_EPOCHS):
    """The unfitted network of a training."""
    return NumpyNetClassifier((16,), max_iter=n_epochs, random_state=number, **EVERY_EPOCH)


def train(path, first=0):
    """One training after another, each with a checkpoint at each epoch."""
    for number in count(first):
        network(number).set_callbacks(Checkpoint(path)).fit(X, Y)


def forked(work, *arguments):
    """Do something in a process of its own; returns its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        work(*arguments)
        status = 0
    finally:
        os._exit(status)


def ended(number, with_signal=None):
    """End a process, and wait for it; returns its status."""
    if with_signal is not None:
        os.kill(number, with_signal)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def place(path):
    """Number of the training and of the epoch that the file is of; None if it is neither."""
    try:
        loaded = NumpyNetClassifier.load(path)
    except (OSError, ValueError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return None
    number, epoch = loaded.random_state, loaded.n_iter_
    expected = network(number, epoch).fit(X, Y)
    same = (loaded.predict_proba(X) == expected.predict_proba(X)).all()
    return (number, epoch) if same else None


def kill_savers(path, n, random):
    """Kill a process that trains at a random moment, and load what it left."""
    ended(forked(network(0).fit(X, Y).save, path))
    survived, before = 0, place(path)
    for number in range(1, n + 1):
        # A fast machine gets through several trainings before the kill.
        saver = forked(train, path, 1000 * number)
        time.sleep(random.uniform(0, SECONDS_OF_A_SAVER))
        ended(saver, signal.SIGKILL)
        after = place(path)
        survived += after is not None and after >= before
        before = after or before
    print(f"What killed savers left beside the file: {len(list(leftovers(path)))}")
    network(0).fit(X, Y).save(path)
    return survived - len(list(leftovers(path)))


def fail_to_save(path, n, random):
    """Let a file grow to a random size only, as on a disk that is full, and load the older one."""
    network(0).fit(X, Y).save(path)
    before, survived = path.read_bytes(), 0
    other = network(1).fit(X, Y)

    def save(n_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
        with suppress(OSError):
            other.save(path)
            os._exit(2)

    for _ in range(n):
        status = ended(forked(save, random.randrange(len(before) - 1)))
        survived += status == 0 and path.read_bytes() == before
    return survived - len(list(leftovers(path)))


def load_beside_a_saver(path, n, random):
    """Load while another process saves as fast as it can."""
    network(0).fit(X, Y).save(path)
    saver, loaded, seen = forked(train, path), 0, set()
    for _ in range(n):
        with suppress(OSError, ValueError):
            model = NumpyNetClassifier.load(path)
            seen.add((model.random_state, model.n_iter_))
            loaded += 1
    ended(saver, signal.SIGKILL)
    print(f"Different estimators that were loaded beside the saver: {len(seen):,}")
    return loaded


def search(path):
    """A grid search whose candidates share one checkpoint."""
    estimator = network(0).set_callbacks(Checkpoint(path))
    GridSearchCV(estimator, {"alpha": [0.0, 0.1]}, cv=2).fit(X, Y)


def search_in_parallel(path, n, random):
    """Several searches at once with one path, which is loaded all the time."""
    network(0).fit(X, Y).save(path)
    searches = [forked(search, path) for _ in range(n)]
    finished, n_refused = 0, 0
    while searches:
        try:
            NumpyNetClassifier.load(path)
        except (OSError, ValueError) as error:
            print(f"refused: {error}", file=sys.stderr)
            n_refused += 1
        done, status = os.waitpid(-1, os.WNOHANG)
        if done:
            searches.remove(done)
            finished += status == 0
    return finished - n_refused - len(list(leftovers(path)))


class Timed(Checkpoint):
    """Keeps the milliseconds of each save, and those of writing and renaming the same bytes."""

    def setup(self, estimator, context):
        super().setup(estimator, context)
        self.saves, self.bare = [], []

    def on_fit_task_end(self, estimator, context):
        result, milliseconds = timed(super().on_fit_task_end, estimator, context)
        self.saves.append(milliseconds)
        self.bare.append(timed(write_and_rename, self.path)[1])
        return result


def timed(function, *arguments):
    """What a function returns, and its milliseconds."""
    start = time.perf_counter()
    result = function(*arguments)
    return result, 1000 * (time.perf_counter() - start)


def write_and_rename(path):
    """The least that a save can do."""
    content, other = path.read_bytes(), path.with_name("bare")
    with Path(f"{other}.tmp").open("wb") as file:
        file.write(content)
    Path(f"{other}.tmp").replace(other)


FAULTS = {
    "kills": ("a saver killed", kill_savers, 200),
    "failures": ("a write that fails", fail_to_save, 100),
    "loads": ("a load beside a saver", load_beside_a_saver, 10_000),
    "searches": ("a search beside others", search_in_parallel, 8),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, (_, _, times) in FAULTS.items():
        parser.add_argument(f"--{name}", type=int, default=times, help=f"default: {times}")
    parser.add_argument("--epochs", type=int, default=500, help="to time, default: 500")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = {}
    with tempfile.TemporaryDirectory(prefix="saves-") as folder:
        for name, (title, inject, _) in FAULTS.items():
            path, times = Path(folder) / name / "model.safetensors", getattr(options, name)
            rows[title] = times, inject(path, times, Random(options.seed))
        checkpoint = Timed(Path(folder) / "timed")
        network(0, options.epochs).set_callbacks(checkpoint).fit(X, Y)
    print(f"{'':<24}{'times':>12}{'survived':>12}")
    for title, (times, survived) in rows.items():
        print(f"{title:<24}{times:>12,}{survived:>12,}")
    saves, bare = (statistics.median(times) for times in (checkpoint.saves, checkpoint.bare))
    print(
        f"Checkpoint(every=1), median of {len(checkpoint.saves)} saves: {saves:.1f} ms; "
        f"writing and renaming the same bytes: {bare:.1f} ms"
    )
    return int(any(times != survived for times, survived in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
