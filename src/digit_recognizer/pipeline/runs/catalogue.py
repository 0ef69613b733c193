"""The runs there are: their state, and the removal of those not wanted any more."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG

from rich.table import Column, Table

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.runs import history, locks, members, run_directory
from digit_recognizer.pipeline.runs.named_runs import find_run

FINISHED, UNFINISHED, RUNNING = "finished", "unfinished", "running"


@dataclass(frozen=True)
class Run:
    """What is known of a run from its directory.

    Parameters
    ----------
    path : Path
    state : {"finished", "unfinished", "running"}
    n_finished, n_networks : int
        Networks trained to their end, and all there will be.
    accuracy : float or None
        Mean out-of-fold accuracy of the folds of a finished run.
    seconds : float
        Spent on all epochs there are, of all networks.
    n_bytes : int
        Of all files.
    data : str
        "sample", or the name of the folder that the data were in.
    changed : datetime
        When it was finished or, until then, begun; in local time.
    """

    path: Path
    state: str
    n_finished: int
    n_networks: int
    accuracy: float | None
    seconds: float
    n_bytes: int
    data: str
    changed: datetime


def list_runs() -> list[Run]:
    """All runs, by name."""
    return [look_at(path) for path in run_directory.run_directories()]


def look_at(path: Path) -> Run:
    """Read what a run's directory says of it."""
    metrics = run_directory.finished_metrics(path)
    identity = run_directory.read_identity(path)
    n_networks = identity.get("networks", 0)
    n_finished = sum(1 for _ in path.rglob(members.RESULT_FILE))
    state = FINISHED if metrics and n_finished == n_networks else UNFINISHED
    rows = [row for file in path.rglob(history.FILE) for row in history.read_history(file)]
    return Run(
        path=path,
        state=RUNNING if locks.is_locked(path) else state,
        n_finished=n_finished,
        n_networks=n_networks,
        accuracy=metrics and metrics["cv_accuracy_mean"],
        seconds=sum(float(row["seconds"] or 0) for row in rows),
        n_bytes=sum(map(_size, path.rglob("*"))),
        data="sample" if identity.get("is_sample") else Path(identity.get("data_folder", "")).name,
        changed=_changed(path),
    )


def _changed(path):
    files = [path / name for name in (run_directory.METRICS_FILE, run_directory.IDENTITY_FILE)]
    there = next((file for file in files if file.is_file()), path)
    return datetime.fromtimestamp(there.stat().st_mtime)


def _size(path):
    """Bytes of a file; 0 of a folder, and of what another process has just removed."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0
    return status.st_size if S_ISREG(status.st_mode) else 0


def table_of_runs(runs: list[Run]) -> Table:
    """The runs as a table for people."""
    numbers = (Column(name, justify="right") for name in ("trained", "CV", "time", "size"))
    table = Table("run", "date", "data", "state", *numbers, box=None, pad_edge=False)
    for run in runs:
        table.add_row(
            run.path.name,
            f"{run.changed:%Y-%m-%d}",
            run.data,
            run.state,
            # A blend trains none.
            f"{run.n_finished} of {run.n_networks}" if run.n_networks else "",
            "" if run.accuracy is None else f"{run.accuracy:.3%}",
            _duration(run.seconds),
            f"{run.n_bytes / 1e6:.0f} MB",
        )
    return table


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


def choose(names: list[str], everything: bool) -> list[Run]:
    """The runs to remove: those named, see `find_run`, or all that are unfinished, or all.

    Raises
    ------
    InputError
        If there is no run of a name, or it is in use.
    """
    if not names:
        kinds = (UNFINISHED, FINISHED) if everything else (UNFINISHED,)
        return [run for run in list_runs() if run.state in kinds]
    paths = dict.fromkeys(find_run(name, run_directory.RUNS_FOLDER) for name in names)
    runs = [look_at(path) for path in paths]
    for run in runs:
        if run.state == RUNNING:
            raise InputError(
                f"Run {run.path.name} is being trained; stop it first, or wait for its end."
            )
    return runs
