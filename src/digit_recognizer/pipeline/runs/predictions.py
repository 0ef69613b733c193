"""The predictions of finished runs, read from their files."""

import tomllib
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from digit_recognizer.checksummed import read_checksummed
from digit_recognizer.errors import InputError
from digit_recognizer.files import READABLE, explaining, sha256
from digit_recognizer.pipeline.runs.run_directory import (
    METRICS_FILE,
    OOF_FILE,
    RECIPE_FILE,
    TEST_FILE,
)

# Classes may be strings, such as "NA".
KINDS = {"row": np.int64, "fold": np.int64, "label": str, "prediction": str}
PREFIX = "probability_"
REPLACE = "submit with its recipe again, which mends the run"


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What a run predicts for each training row, by the network that did not train on it.

    Parameters
    ----------
    name : str
        The run's ID, or its folder if that is elsewhere.
    rows : ndarray of int, shape (n_samples,)
        Numbers of the training rows in their file, from 1, ascending.
    labels, predictions : ndarray of str, shape (n_samples,)
    folds : ndarray of int, shape (n_samples,)
        The fold that each row is in, from 1.
    classes : list of str
    probabilities : ndarray of shape (n_samples, n_classes), float64
    data_fingerprint : str or None
        Of the data the run was made with; None where ``metrics.json`` is not there.
    recipe : dict or None
        The run's recipe without its seed; None where it is not there.
    """

    name: str
    rows: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    folds: np.ndarray
    classes: list[str]
    probabilities: np.ndarray
    data_fingerprint: str | None
    recipe: dict | None = None

    @property
    def is_right(self) -> np.ndarray:
        """Whether each row is predicted right, bool of shape (n_samples,)."""
        return self.predictions == self.labels

    def on_rows_of(self, other: "OutOfFold") -> "OutOfFold":
        """The part of the rows that another run on the same data has too.

        Their recipes may leave out rows (``[data] drop``).
        """
        if self.data_fingerprint is None or self.data_fingerprint != other.data_fingerprint:
            return self
        kept = np.isin(self.rows, other.rows)
        names = ("rows", "labels", "predictions", "folds", "probabilities")
        return self if kept.all() else replace(self, **{n: getattr(self, n)[kept] for n in names})


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
    metrics = read_metrics(folder / METRICS_FILE)
    table = _read_table(folder / OOF_FILE, _fault)
    n_train = metrics.get("n_train", len(table))
    if len(table) != n_train:
        raise InputError(
            f"{folder / OOF_FILE} has {len(table):,} rows of {n_train}; it was cut short or "
            f"changed: {REPLACE}."
        )
    check_unchanged(folder, OOF_FILE)
    is_among = folder.resolve().parent == Path(runs_folder).resolve()
    return OutOfFold(
        name=folder.name if is_among else str(folder),
        rows=table["row"].to_numpy(),
        labels=table["label"].to_numpy(str),
        predictions=table["prediction"].to_numpy(str),
        folds=table["fold"].to_numpy(),
        classes=_classes(table.columns[len(KINDS) :]),
        probabilities=table.iloc[:, len(KINDS) :].to_numpy(),
        data_fingerprint=metrics.get("data"),
        recipe=_recipe_without_seed(folder / RECIPE_FILE),
    )


def check_same_data(first: OutOfFold, second: OutOfFold, what: str) -> None:
    """Raise InputError if two runs are not of the same data; `what` is what to do with others."""
    remedy = f"{what} runs of the same data, or make one of them again with the other's data"
    if len(first.labels) != len(second.labels):
        raise InputError(
            f"{first.name} has {len(first.labels):,} training rows and {second.name} "
            f"{len(second.labels):,}; {remedy}."
        )
    if (first.rows != second.rows).any():
        raise InputError(
            f"{first.name} and {second.name} leave out other training rows ([data] drop); {remedy}."
        )
    differing = np.flatnonzero(first.labels != second.labels)
    if len(differing):
        raise InputError(
            f"{first.name} and {second.name} have other labels, first in row {differing[0] + 1}; "
            f"{remedy}."
        )
    fingerprints = first.data_fingerprint, second.data_fingerprint
    if None not in fingerprints and fingerprints[0] != fingerprints[1]:
        raise InputError(
            f'{first.name} and {second.name} were made with different data (see "data" in their '
            f"metrics.json); {remedy}."
        )


class TestPredictions(NamedTuple):
    """What a run predicts for the test images.

    Parameters
    ----------
    ids : ndarray of str, shape (n_test,)
    probabilities : ndarray of shape (n_test, n_classes), float64
    """

    ids: np.ndarray
    probabilities: np.ndarray


def read_test(folder: Path) -> TestPredictions:
    """Read a run's probabilities for the test images; raises as `read_out_of_fold`."""
    if not (folder / METRICS_FILE).exists():
        raise unfinished(folder / METRICS_FILE)
    table = _read_table(folder / TEST_FILE, _fault_of_test)
    check_unchanged(folder, TEST_FILE)
    return TestPredictions(table.iloc[:, 0].to_numpy(str), table.iloc[:, 1:].to_numpy())


def check_unchanged(folder: Path, name: str) -> None:
    """Raise InputError if one of a run's files is not the one that its metrics vouch for."""
    digest = read_metrics(folder / METRICS_FILE).get("files", {}).get(name)
    if digest is not None and sha256(folder / name) != digest:
        raise InputError(f"{folder / name} is not as the run wrote it; {REPLACE}.")


def _recipe_without_seed(path):
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe["cv"].pop("seed")
    except (OSError, ValueError, KeyError):
        return None
    return recipe


def read_metrics(path: Path) -> dict:
    """The metrics as a dict, an empty one if the file is not there.

    Raises
    ------
    InputError
        If the file cannot be read, or is not as the run wrote it.
    """
    if _read(path) is None:
        return {}
    metrics = read_checksummed(path)
    if metrics is None:
        raise InputError(f"{path} is damaged (it is not as the run wrote it); {REPLACE}.")
    return metrics


def _read(path):
    """The content of a file of the run; None if it is not there."""
    with explaining(path, "read", READABLE), suppress(FileNotFoundError):
        return path.read_bytes()


def _read_table(path, find_fault):
    """A table of probabilities that a run wrote, checked."""
    content = _read(path)
    if content is None:
        raise unfinished(path)
    # A number that was cut short is a number still; only the missing line end shows it.
    fault = "its last line is cut short" if not content.endswith(b"\n") else None
    table = None
    with warnings.catch_warnings():
        # A surplus value in every line is a warning only.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            names = pd.read_csv(path, nrows=0).columns
            # The first column of a table of test images are their ids.
            kinds = {names[0]: str} | {k: v for k, v in KINDS.items() if k in names}
            table = pd.read_csv(path, dtype=kinds, index_col=False, na_filter=False)
        except (ValueError, OverflowError, pd.errors.ParserWarning):
            fault = fault or "it is not the table that a run writes"
    fault = fault or find_fault(table)
    if fault:
        raise InputError(f"{path} is damaged ({fault}); {REPLACE}.")
    return table


def _fault(table):
    """What is wrong with a table of out-of-fold predictions; None if nothing is."""
    probabilities = table.columns[len(KINDS) :]
    if tuple(table.columns[: len(KINDS)]) != tuple(KINDS) or not all(
        name.startswith(PREFIX) for name in probabilities
    ):
        return "its columns are not row, fold, label, prediction and the probabilities"
    if not len(table):
        return "it has no rows"
    if table["row"].iloc[0] < 1 or (np.diff(table["row"]) < 1).any():
        return "its rows are not numbered in order"
    if not table[["label", "prediction"]].isin(_classes(probabilities)).all(axis=None):
        return "a label or prediction is none of its classes"
    return _fault_of_numbers(table[probabilities])


def _fault_of_test(table):
    """What is wrong with a table of test predictions; None if nothing is."""
    probabilities = table.columns[1:]
    if not len(probabilities) or not all(name.startswith(PREFIX) for name in probabilities):
        return "its columns are not the id and the probabilities"
    return _fault_of_numbers(table[probabilities])


def _fault_of_numbers(probabilities):
    kinds_are_numbers = all(kind.kind in "if" for kind in probabilities.dtypes)
    if not kinds_are_numbers or probabilities.isna().any(axis=None):
        return "a probability is not a number"
    return None


def _classes(columns):
    return [name.removeprefix(PREFIX) for name in columns]


def unfinished(path: Path) -> InputError:
    """The error of a run that lacks a file which it would have at its end."""
    return InputError(
        f"{path} is not there: the run is not finished; make it again, or name another."
    )
