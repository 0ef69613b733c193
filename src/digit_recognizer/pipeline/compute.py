"""Where the networks are trained: in this process, beside it, or on a Dask cluster."""

import os
from collections.abc import Iterator

from joblib import Parallel, cpu_count, delayed

from digit_recognizer.pipeline import locks
from digit_recognizer.pipeline.cluster import train_on_cluster
from digit_recognizer.pipeline.members import Member
from digit_recognizer.pipeline.run_directory import RunDirectory
from digit_recognizer.pipeline.sections import Compute
from digit_recognizer.pipeline.training import train_beside, train_member
from digit_recognizer.pipeline.workers import SafeWorkers


def train_all(
    members: list[Member], scaler, arrays, settings: Compute, run: RunDirectory
) -> Iterator[dict]:
    """Train networks, several at a time.

    Parameters
    ----------
    members : list of Member
        None are left where only the results have to be made again.
    scaler : Scaler
    arrays : tuple of ndarray
        X_train (uint8), y_train, X_test (uint8).
    settings : Compute
    run : RunDirectory
        Open.

    Yields
    ------
    dict
        The result of each network, as it is finished.

    Raises
    ------
    OutsideError
        If a process is ended from outside, or there is no cluster.
    """
    if not members:
        return
    if settings.backend == "dask":
        yield from train_on_cluster(members, scaler, arrays, settings, run)
        return
    jobs = min(settings.jobs or cpu_count(), len(members))
    if jobs == 1:
        for member in members:
            yield train_member(member, scaler, *arrays)
        return
    tasks = [delayed(train_beside)(os.getpid(), member, scaler, *arrays) for member in members]
    with SafeWorkers(lambda pid: _work_of(members, pid)) as workers:
        # joblib shares large arrays with its processes as memory maps.
        parallel = Parallel(n_jobs=jobs, backend="loky", return_as="generator_unordered")
        with workers.starting():
            pending = parallel(tasks)
        workers.watch()
        yield from pending


def _work_of(members, pid):
    """Name of the network that a process trains, or trained when it died."""
    return next((m.name for m in members if locks.holder(m.folder) == pid), None)
