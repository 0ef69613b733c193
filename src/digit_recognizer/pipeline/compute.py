"""Where the networks are trained: in this process, beside it, or on a Dask cluster."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from joblib import Parallel, delayed, parallel_config

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.pipeline import locks
from digit_recognizer.pipeline.members import Member, write_contents
from digit_recognizer.pipeline.run_directory import IDENTITY_FILE, RunDirectory
from digit_recognizer.pipeline.sections import Compute
from digit_recognizer.pipeline.training import train_anywhere, train_beside, train_member
from digit_recognizer.pipeline.workers import SafeWorkers

SECONDS_TO_CONNECT = 30


def train_all(
    members: list[Member], scaler, arrays, settings: Compute, run: RunDirectory
) -> Iterator[dict]:
    """Train networks, several at a time.

    Parameters
    ----------
    members : list of Member
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
        yield from _train_on_cluster(members, scaler, arrays, settings, run)
        return
    jobs = min(settings.jobs or os.cpu_count() or 1, len(members))
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


def _train_on_cluster(members, scaler, arrays, settings, run):
    token_file = (run.path / IDENTITY_FILE).resolve()
    token = token_file.read_text()
    by_work = {(member.fold.number, member.number): member for member in members}
    tasks = [
        delayed(train_anywhere)(token_file, token, member, scaler, *arrays) for member in members
    ]
    with (
        _cluster(settings) as client,
        parallel_config(backend="dask", client=client, scatter=list(arrays)),
    ):
        # One network a task, whatever its time.
        parallel = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="all")
        for result in parallel(tasks):
            contents = result.pop("contents", None)
            if contents is not None:
                write_contents(by_work[result["fold"], result["network"]].folder, contents)
            yield result


@contextmanager
def _cluster(settings):
    """A Dask client, with a cluster of this machine's processors where no scheduler is given."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            '[compute] backend is "dask", which is not installed; install it with '
            "pip install 'digit-recognizer[distributed]'."
        ) from error
    if settings.scheduler:
        try:
            client = Client(settings.scheduler, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError) as error:
            raise OutsideError(
                f"There is no Dask scheduler at {settings.scheduler}; start one with "
                "`dask scheduler`, or correct [compute] scheduler."
            ) from error
        with client:
            yield client
        return
    jobs = settings.jobs or os.cpu_count() or 1
    with (
        LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client
