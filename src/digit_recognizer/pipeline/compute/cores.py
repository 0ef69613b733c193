"""How many cores each network takes: those that no other network needs."""

from dataclasses import dataclass
from pathlib import Path

from joblib import cpu_count

from digit_recognizer.estimator import n_blas_threads
from digit_recognizer.pipeline.runs.members import RESULT_FILE, Member


@dataclass(frozen=True)
class SharedCores:
    """The cores of this machine, shared evenly by the networks that are trained beside each other.

    Called by a network before each of its epochs and predictions, it says how many are its own
    then: its share grows when others are finished and none can begin. The networks know of each
    other by their folders.

    Parameters
    ----------
    teachers : dict of Path to tuple of Path
        The folders of the networks that are to be trained, with those of their teachers.
    at_once : int
        How many of them are trained at the same time.
    n_cores : int
    most : int
        Cores for one network: the threads that BLAS would take, which OMP_NUM_THREADS limits.
    """

    teachers: dict[Path, tuple[Path, ...]]
    at_once: int
    n_cores: int
    most: int

    def __call__(self) -> int:
        n_left = sum(
            not _is_finished(folder) and all(map(_is_finished, teachers))
            for folder, teachers in self.teachers.items()
        )
        beside = max(min(n_left, self.at_once), 1)
        return max(min(self.n_cores // beside, self.most), 1)


def share_cores(members: list[Member], at_once: int) -> SharedCores:
    """The cores that this process may use, for networks of which so many are trained at once."""
    teachers = {member.folder: tuple(t.folder for t in member.teachers) for member in members}
    return SharedCores(teachers, at_once, cpu_count(), n_blas_threads())


def _is_finished(folder):
    return (folder / RESULT_FILE).exists()


def cores_of_dask_worker() -> int:
    """A network's share of the threads of the Dask worker that trains it."""
    from distributed import get_worker

    state = get_worker().state
    beside = max(min(state.executing_count + len(state.ready), state.nthreads), 1)
    return max(state.nthreads // beside, 1)
