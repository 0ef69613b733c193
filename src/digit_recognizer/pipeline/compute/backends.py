"""Where the networks are trained: in this process, beside it, or on a Dask cluster."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from joblib.externals.loky.process_executor import TerminatedWorkerError

from digit_recognizer.pipeline.compute.cores import share_cores
from digit_recognizer.pipeline.compute.dask_cluster import check_dask, train_on_cluster
from digit_recognizer.pipeline.compute.fold_training import belong_to, train_beside, train_member
from digit_recognizer.pipeline.compute.workers import SafeWorkers, starting
from digit_recognizer.pipeline.recipes.sections import Compute
from digit_recognizer.pipeline.runs import locks
from digit_recognizer.pipeline.runs.members import Member
from digit_recognizer.pipeline.runs.run_directory import RunDirectory
from digit_recognizer.pipeline.runs.scratch import shared_folder


def train_all(
    members: list[Member], arrays, settings: Compute, run: RunDirectory
) -> Iterator[dict]:
    """Train networks, several at a time.

    Parameters
    ----------
    members : list of Member
        None are left where only the results have to be made again.
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
        yield from train_on_cluster(members, arrays, settings, run)
        return
    jobs = _n_processes(settings, len(members))
    cores = share_cores(members, jobs)
    if jobs == 1:
        for member in members:
            yield train_member(member, *arrays, cores=cores)
        return
    tasks = [delayed(train_beside)(os.getpid(), m, *arrays, cores=cores) for m in members]
    with SafeWorkers(lambda pid: _work_of(members, pid)) as workers:
        with starting():
            # joblib shares large arrays with its processes as memory maps.
            pending = _parallel(jobs)(tasks)
        workers.watch()
        yield from pending


@contextmanager
def processes_started(settings: Compute, n_members: int):
    """Start the processes that will train, if there are any, and do something else meanwhile.

    What they import takes them more than a second. joblib keeps them for `train_all`.

    Parameters
    ----------
    settings : Compute
    n_members : int
        How many networks there are to train.

    Raises
    ------
    InputError
        If they are to be trained by Dask, which is not installed.
    """
    if settings.backend == "dask":
        check_dask()
    jobs = _n_processes(settings, n_members)
    if settings.backend == "dask" or jobs == 1:
        yield
        return
    with starting():
        ready = _parallel(jobs)(delayed(belong_to)(os.getpid()) for _ in range(jobs))
    try:
        yield
        # Where one was killed, joblib starts others.
        with suppress(TerminatedWorkerError):
            list(ready)
    finally:
        with warnings.catch_warnings():
            # joblib says how much it gives up.
            warnings.simplefilter("ignore", UserWarning)
            ready.close()


def _n_processes(settings, n_members):
    # 1 where the system has no semaphores, of which joblib warns.
    return min(effective_n_jobs(settings.jobs or cpu_count()), n_members)


def _parallel(jobs):
    return Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        temp_folder=str(shared_folder()),
    )


def _work_of(members, pid):
    """Name of the network that a process trains, or trained when it died."""
    return next((m.name for m in members if locks.holder(m.folder) == pid), None)
