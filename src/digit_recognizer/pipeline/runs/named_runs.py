"""Which run a user means."""

import re
from contextlib import suppress
from pathlib import Path

from digit_recognizer.checksummed import read_checksummed
from digit_recognizer.errors import InputError, quoted
from digit_recognizer.pipeline.runs.run_directory import METRICS_FILE


def find_run(run: str, runs_folder: Path) -> Path:
    """Folder of a run.

    Parameters
    ----------
    run : str
        The run's ID, the path of its folder, or a beginning of an ID that no other run has.
    runs_folder : Path

    Raises
    ------
    InputError
        If there is no such run, or more than one; the message lists those there are.
    """
    runs_folder = Path(runs_folder)
    there = sorted(path for path in runs_folder.glob("[!.]*") if path.is_dir())
    names = [path.name for path in there]
    if run in names:
        return runs_folder / run
    if run and _is_folder(Path(run)):
        return Path(run)
    found = [name for name in names if run and name.startswith(run)]
    if len(found) == 1:
        return runs_folder / found[0]
    if found:
        raise InputError(
            f"{quoted(run)} is the beginning of {len(found)} runs; choose one of {_listed(found)}."
        )
    if not names:
        raise InputError(
            f"There is no run {quoted(run)}, and none at all in {runs_folder}; "
            f"make one with digit-recognizer submit."
        )
    raise InputError(
        f"There is no run {quoted(run)} in {runs_folder}; choose one of {_listed(names)}."
    )


def find_newest(runs: list[str], runs_folder: Path) -> list[Path]:
    """Folders of runs to look at together: a recipe's name stands for its newest run.

    Where recipes have runs on several data, runs on the same data are taken together.

    Parameters
    ----------
    runs : list of str
        Each the name of a recipe that has runs, or what `find_run` takes.
    runs_folder : Path

    Raises
    ------
    InputError
        As `find_run`.
    """
    choices = [_runs_of_recipe(run, runs_folder) or [find_run(run, runs_folder)] for run in runs]
    newest_first = sorted({path for choice in choices for path in choice}, key=_age)
    for data in dict.fromkeys(map(_data_of, newest_first)):
        alike = [[path for path in choice if _data_of(path) == data] for choice in choices]
        if all(alike):
            return [choice[0] for choice in alike]
    return [choice[0] for choice in choices]


def find_finished(run: str | None, runs_folder: Path) -> Path:
    """Folder of the run that is named, or of the newest one that is finished.

    Parameters
    ----------
    run : str or None
        As `find_newest` takes it; None for the newest.
    runs_folder : Path

    Raises
    ------
    InputError
        As `find_run`, or if no run is finished.
    """
    if run is not None:
        return find_newest([run], runs_folder)[0]
    paths = sorted(Path(runs_folder).glob("[!.]*"), key=_age)
    for path in paths:
        if (path / METRICS_FILE).is_file():
            return path
    raise InputError(
        f"There is no finished run in {runs_folder}; make one with `digit-recognizer submit`."
    )


def _runs_of_recipe(recipe, runs_folder):
    """Finished runs of a recipe, the newest first."""
    name = re.compile(re.escape(recipe) + r"-[0-9a-f]{8}")
    paths = [path for path in Path(runs_folder).glob("[!.]*") if name.fullmatch(path.name)]
    return sorted((path for path in paths if (path / METRICS_FILE).is_file()), key=_age)


def _age(path):
    """Smaller for newer runs."""
    with suppress(OSError):
        return -(path / METRICS_FILE).stat().st_mtime_ns
    return 0


def _data_of(path):
    return (read_checksummed(path / METRICS_FILE) or {}).get("data")


def _is_folder(path):
    # A name longer than file systems take is an error to is_dir.
    with suppress(OSError):
        return path.is_dir()
    return False


def _listed(names):
    """The names, at most ten of them."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
