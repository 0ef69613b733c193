"""Finished runs: where they are, and the results in their files."""

import json
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.run_directory import METRICS_FILE, OOF_FILE
from digit_recognizer.sealed import read_sealed

INTEGER_COLUMNS = ("row", "fold", "label", "prediction")
REPLACE = "submit with its recipe again, which mends the run"


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What a run predicts for each training row, by the network that did not train on it.

    Parameters
    ----------
    name : str
        The run's ID, or its folder if that is elsewhere.
    labels, predictions : ndarray of int64, shape (n_samples,)
    data_fingerprint : str or None
        Of the data the run was made with; None where ``metrics.json`` is not there.
    """

    name: str
    labels: np.ndarray
    predictions: np.ndarray
    data_fingerprint: str | None

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


def _is_folder(path):
    # A name longer than file systems take is an error to is_dir.
    with suppress(OSError):
        return path.is_dir()
    return False


def read_out_of_fold(run: str, runs_folder: Path) -> OutOfFold:
    """Read the out-of-fold predictions of a run.

    Parameters
    ----------
    run : str
        See `find_run`.
    runs_folder : Path

    Raises
    ------
    InputError
        If there is no such run, or a file of it is missing, truncated or damaged.
    """
    folder = find_run(run, runs_folder)
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
        labels=table["label"].to_numpy(),
        predictions=table["prediction"].to_numpy(),
        data_fingerprint=metrics.get("data"),
    )


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
            kinds = dict.fromkeys(INTEGER_COLUMNS, np.int64)
            table = pd.read_csv(path, dtype=kinds, index_col=False)
        except (ValueError, OverflowError, pd.errors.ParserWarning):
            fault = fault or "it is not the table that a run writes"
    fault = fault or _fault(table)
    if fault:
        raise InputError(f"{path} is damaged ({fault}); {REPLACE}.")
    return table


def _fault(table):
    """What is wrong with a table of out-of-fold predictions; None if nothing is."""
    probabilities = table.columns[len(INTEGER_COLUMNS) :]
    if tuple(table.columns[: len(INTEGER_COLUMNS)]) != INTEGER_COLUMNS or not all(
        name.startswith("probability_") for name in probabilities
    ):
        return "its columns are not row, fold, label, prediction and the probabilities"
    if not len(table):
        return "it has no rows"
    if (table["row"] != np.arange(1, len(table) + 1)).any():
        return "its rows are not numbered from 1"
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
