"""Finished runs: where they are, and the results in their files."""

import json
import re
import tomllib
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.run_directory import METRICS_FILE, OOF_FILE, RECIPE_FILE
from digit_recognizer.sealed import read_sealed

# Classes may be strings, such as "NA".
KINDS = {"row": np.int64, "fold": np.int64, "label": str, "prediction": str}
REPLACE = "submit with its recipe again, which mends the run"


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What a run predicts for each training row, by the network that did not train on it.

    Parameters
    ----------
    name : str
        The run's ID, or its folder if that is elsewhere.
    labels, predictions : ndarray of str, shape (n_samples,)
    data_fingerprint : str or None
        Of the data the run was made with; None where ``metrics.json`` is not there.
    recipe : dict or None
        The run's recipe without its seed; None where it is not there.
    """

    name: str
    labels: np.ndarray
    predictions: np.ndarray
    data_fingerprint: str | None
    recipe: dict | None = None

    @property
    def is_right(self) -> np.ndarray:
        """Whether each row is predicted right, bool of shape (n_samples,)."""
        return self.predictions == self.labels


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
    return (read_sealed(path / METRICS_FILE) or {}).get("data")


def _is_folder(path):
    # A name longer than file systems take is an error to is_dir.
    with suppress(OSError):
        return path.is_dir()
    return False


def read_out_of_fold(folder: Path, runs_folder: Path) -> OutOfFold:
    """Read the out-of-fold predictions of a run.

    Parameters
    ----------
    folder : Path
        Of the run, see `find_newest`.
    runs_folder : Path

    Raises
    ------
    InputError
        If a file of the run is missing, truncated or damaged.
    """
    metrics = _read_metrics(folder / METRICS_FILE)
    table = _read_table(folder / OOF_FILE)
    n_train = metrics.get("n_train", len(table))
    if len(table) != n_train:
        raise InputError(
            f"{folder / OOF_FILE} has {len(table):,} rows of {n_train}; it was cut short or "
            f"changed: {REPLACE}."
        )
    digest = metrics.get("files", {}).get(OOF_FILE)
    if digest is not None and sha256(folder / OOF_FILE) != digest:
        raise InputError(f"{folder / OOF_FILE} is not as the run wrote it; {REPLACE}.")
    is_among = folder.resolve().parent == Path(runs_folder).resolve()
    return OutOfFold(
        name=folder.name if is_among else str(folder),
        labels=table["label"].to_numpy(str),
        predictions=table["prediction"].to_numpy(str),
        data_fingerprint=metrics.get("data"),
        recipe=_recipe_without_seed(folder / RECIPE_FILE),
    )


def _recipe_without_seed(path):
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe["cv"].pop("seed")
    except (OSError, ValueError, KeyError):
        return None
    return recipe


def _read_metrics(path):
    """The metrics as a dict, an empty one if the file is not there."""
    try:
        metrics = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise InputError(f"{path} is damaged (it is not valid JSON); {REPLACE}.") from error
    if not isinstance(metrics, dict):
        raise InputError(f"{path} is damaged (it does not hold metrics); {REPLACE}.")
    if read_sealed(path) is None:
        raise InputError(f"{path} is damaged (it is not as the run wrote it); {REPLACE}.")
    return metrics


def _read_table(path):
    """The table that `write_oof` wrote, checked."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path} is not there: the run is not finished; make it again, or name another."
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    # A number that was cut short is a number still; only the missing line end shows it.
    fault = "its last line is cut short" if not content.endswith(b"\n") else None
    table = None
    with warnings.catch_warnings():
        # A surplus value in every line is a warning only.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(path, dtype=KINDS, index_col=False, na_filter=False)
        except (ValueError, OverflowError, pd.errors.ParserWarning):
            fault = fault or "it is not the table that a run writes"
    fault = fault or _fault(table)
    if fault:
        raise InputError(f"{path} is damaged ({fault}); {REPLACE}.")
    return table


def _fault(table):
    """What is wrong with a table of out-of-fold predictions; None if nothing is."""
    probabilities = table.columns[len(KINDS) :]
    if tuple(table.columns[: len(KINDS)]) != tuple(KINDS) or not all(
        name.startswith("probability_") for name in probabilities
    ):
        return "its columns are not row, fold, label, prediction and the probabilities"
    if not len(table):
        return "it has no rows"
    if (table["row"] != np.arange(1, len(table) + 1)).any():
        return "its rows are not numbered from 1"
    classes = [name.removeprefix("probability_") for name in probabilities]
    if not table[["label", "prediction"]].isin(classes).all(axis=None):
        return "a label or prediction is none of its classes"
    kinds_are_numbers = all(kind.kind in "if" for kind in table[probabilities].dtypes)
    if not kinds_are_numbers or table[probabilities].isna().any(axis=None):
        return "a probability is not a number"
    return None


def _unreadable(path, error):
    return InputError(f"{path} cannot be read ({error.strerror}); check its name and permissions.")


def _listed(names):
    """The names, at most ten of them."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
