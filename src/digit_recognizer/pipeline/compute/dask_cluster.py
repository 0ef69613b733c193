"""The training of networks on a Dask cluster."""

import logging
import os
import signal
import socket
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import islice

from joblib import cpu_count

from digit_recognizer import __version__
from digit_recognizer.errors import GOES_ON, InputError, OutsideError
from digit_recognizer.pipeline.compute.cores import cores_of_dask_worker, share_cores
from digit_recognizer.pipeline.compute.fold_training import train_anywhere
from digit_recognizer.pipeline.compute.teaching import read_teaching
from digit_recognizer.pipeline.compute.workers import starting
from digit_recognizer.pipeline.recipes.sections import Compute
from digit_recognizer.pipeline.runs.members import Member, key_of, write_contents
from digit_recognizer.pipeline.runs.run_directory import IDENTITY_FILE, RunDirectory
from digit_recognizer.pipeline.runs.versions import versions

SECONDS_TO_CONNECT = 10
SECONDS_FOR_WORKERS = 30
# How often in a row, without a network finished, the workers may all be lost.
ATTEMPTS = 4


def train_on_cluster(
    members: list[Member], arrays, settings: Compute, run: RunDirectory
) -> Iterator[dict]:
    """Train networks on the workers of a Dask cluster.

    A network whose worker is lost is trained by another one, from its last checkpoint where
    the workers see the run directory.

    Parameters
    ----------
    members, arrays, settings, run
        As in `compute.train_all`.

    Yields
    ------
    dict
        The result of each network, as it is finished.

    Raises
    ------
    InputError
        If Dask is not installed, or the scheduler's address is none.
    OutsideError
        If the scheduler or all workers are lost or were never there, workers are lost again and
        again, or one has other versions installed.
    """
    missing = {member.key: member for member in members}
    jobs = min(settings.jobs or cpu_count(), len(members))
    cores = cores_of_dask_worker if settings.scheduler else share_cores(members, jobs)
    work = (versions(), cores, *_token_of(run))
    failures = 0
    with _client(settings, jobs) as client:
        while missing:
            _wait_for_workers(client, settings)
            try:
                for result in _results(client, missing, work, arrays, settings.jobs):
                    failures = 0
                    member = missing.pop(key_of(result))
                    contents = result.pop("contents", None)
                    if contents is not None:
                        write_contents(member.folder, contents)
                    yield result
            except _Lost as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise OutsideError(
                        "All Dask workers were lost again and again, perhaps for lack of memory; "
                        f"see to them, and {GOES_ON}"
                    ) from error


class _Lost(Exception):
    """The connection, or all workers and with them the data, without which no task can run."""


def _token_of(run):
    """A file that only this run's directory has, and what it says."""
    path = (run.path / IDENTITY_FILE).resolve()
    return path, path.read_text()


def _results(client, missing, work, arrays, jobs):
    """Train networks, at most `jobs` at a time, with the arguments `work` before each.

    A network is begun when its teachers are no longer among those that are `missing`.
    """
    from distributed import KilledWorker, as_completed
    from distributed.comm import CommClosedError

    waiting = list(missing.values())
    try:
        shared = client.scatter(list(arrays), broadcast=True, hash=False)
    except (OSError, RuntimeError, CancelledError) as error:
        raise _Lost from error

    def submit(n_running):
        can_begin = (m for m in waiting if missing.keys().isdisjoint(t.key for t in m.teachers))
        chosen = list(islice(can_begin, jobs - n_running if jobs else None))
        for member in chosen:
            waiting.remove(member)
        # Impure: a task of before, whose result may have been lost, is not this one.
        return [
            client.submit(train_on_worker, *work, m, *shared, read_teaching(m), pure=False)
            for m in chosen
        ]

    try:
        with client.as_current():
            done = as_completed(submit(0))
        for future in done:
            yield future.result()
            done.update(submit(done.count()))
    except (CancelledError, CommClosedError) as error:
        raise _Lost from error
    except OSError as error:
        raise OutsideError(
            f"A Dask worker cannot work ({error}); see to it, and {GOES_ON}"
        ) from error
    except KilledWorker as error:
        raise OutsideError(
            "The Dask workers that trained one of the networks were all lost, "
            f"{error.allowed_failures + 1} of them, the last at {error.last_worker.address}, "
            f"perhaps for lack of memory; see to them, and {GOES_ON}"
        ) from error
    except (ImportError, RuntimeError) as error:
        # The scheduler reads what it hands out, and says so if it cannot.
        if isinstance(error, RuntimeError) and "deserialization" not in str(error):
            raise
        raise OutsideError(
            "The Dask scheduler or a worker cannot import what it needs; install digit-recognizer "
            f"{__version__} and its dependencies on all machines."
        ) from error


def train_on_worker(started_with: dict, cores: Callable[[], int], *arguments) -> dict:
    """`train_anywhere` on a worker of the cluster, until nobody waits for the result any more.

    Parameters
    ----------
    started_with : dict
        What `versions` said where the run was started.
    cores : callable
        Of `train_member`.
    *arguments
        Of `train_anywhere`.

    Raises
    ------
    OutsideError
        If the versions here are others.
    """
    for name, here in versions().items():
        if here != started_with[name]:
            raise OutsideError(
                f"The Dask worker on {socket.gethostname()} has {name} {here}, but the run was "
                f"started with {started_with[name]}; install the same on all machines."
            )
    return train_anywhere(*arguments, cores=cores, after_epoch=_end_if_cancelled)


class Abandoned(Exception):
    """The run that wanted a network has ended."""


def _end_if_cancelled():
    """Dask cannot stop a task that runs: it goes on for nobody unless it looks itself."""
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state == "cancelled":
        raise Abandoned


def _wait_for_workers(client, settings):
    address = settings.scheduler or "this machine"
    worker = f"start some with `dask worker {settings.scheduler}`"
    remedy = worker if settings.scheduler else "lower --jobs"
    try:
        client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
    except TimeoutError as error:
        raise OutsideError(
            f"The Dask scheduler at {address} has had no worker for {SECONDS_FOR_WORKERS} s; "
            f"{remedy}, and {GOES_ON}"
        ) from error
    except (OSError, RuntimeError, ValueError, AttributeError, CancelledError) as error:
        raise OutsideError(
            f"The Dask scheduler at {address} went away; start it again, and {GOES_ON}"
        ) from error


def check_dask() -> None:
    """Raise an InputError if Dask is not installed."""
    if find_spec("distributed") is None:
        raise InputError(
            '[compute] backend is "dask", which is not installed; install it with '
            "pip install '.[distributed]' in this project's folder."
        )


@contextmanager
def _client(settings, jobs):
    """A Dask client, with a cluster of this machine's processors where no scheduler is given."""
    check_dask()
    import distributed

    with _silence():
        if settings.scheduler:
            with _connected(distributed, settings.scheduler) as client:
                yield client
        else:
            with _local_cluster(distributed, jobs) as client:
                yield client


@contextmanager
def _connected(distributed, address):
    try:
        with warnings.catch_warnings():
            # Versions that matter are compared where the networks are trained.
            warnings.simplefilter("ignore")
            client = distributed.Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except OSError as error:
        raise OutsideError(
            f"There is no Dask scheduler at {address}; start one with `dask scheduler`, or correct "
            "[compute] scheduler."
        ) from error
    except (TypeError, ValueError) as error:
        raise InputError(
            f"[compute] scheduler is {address!r}, which Dask cannot use ({error}); give an address "
            'such as "tcp://10.0.0.1:8786".'
        ) from error
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _local_cluster(distributed, jobs):
    """A cluster of `jobs` processes with one thread each, and its client."""
    import dask

    # Without Dask's settings for memory and threads, which outlast it in the environment.
    with dask.config.set({"distributed.nanny.pre-spawn-environ": {}}):
        try:
            with starting():
                cluster = distributed.LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=None,
                    # Dask has no way to have none: one that is free, of this machine only.
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise OutsideError(
                f"A Dask cluster cannot be started on this machine ({error}); lower --jobs, or "
                'leave [compute] backend = "dask" out.'
            ) from error
        with cluster, distributed.Client(cluster, set_as_default=False) as client:
            try:
                yield client
            except BaseException:
                # Workers that train would be waited for.
                for nanny in cluster.workers.values():
                    if nanny.pid is not None:
                        with suppress(ProcessLookupError):
                            os.kill(nanny.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                raise


@contextmanager
def _silence():
    """No log on the terminal: what went wrong is told in a sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
