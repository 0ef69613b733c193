"""Training rows that a recipe leaves out, such as those with a wrong label."""

import csv
import hashlib
import io
from dataclasses import replace

import numpy as np

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import read_text, sha256
from digit_recognizer.pipeline.data.dataset import Data

ROW, LABEL = "row", "label"


def drop_rows(data: Data, file: str | None) -> Data:
    """The data without the training rows that a file lists.

    Parameters
    ----------
    data : Data
        Whole.
    file : str or None
        A CSV file with a column ``row``: the rows' numbers in the training file, from 1. Where it
        has a column ``label`` too, these must be the rows' labels. None for all rows.

    Raises
    ------
    InputError
        If the file cannot be read, or names a row that is not there or has another label.
    """
    if file is None:
        return data
    kept = np.ones(len(data.X_train), bool)
    kept[_read(file, data) - 1] = False
    return replace(
        data,
        X_train=data.X_train[kept],
        y_train=data.y_train[kept],
        rows=np.flatnonzero(kept) + 1,
        whole_fingerprint=data.fingerprint,
        files_digest=digest_with(data.files_digest, file),
    )


def digest_with(files_digest: str, file: str | None) -> str:
    """The digest of the competition's files, see `digest_files`, and of the file of rows."""
    if file is None:
        return files_digest
    return hashlib.sha256(f"{files_digest} {sha256(file)}".encode()).hexdigest()


def _read(file, data):
    """The numbers of the rows that a file lists."""
    remedy = "correct [data] drop, or leave it out"
    reader = csv.DictReader(io.StringIO(read_text(file, remedy)))
    if ROW not in (reader.fieldnames or ()):
        raise InputError(
            f"{file}, line 1: there is no column {ROW!r}; give one with the numbers of the "
            "training rows to leave out, from 1."
        )
    try:
        rows = [_row(line, data, f"{file}, line {reader.line_num}") for line in reader]
    except csv.Error as error:
        raise InputError(f"{file}, line {reader.line_num}: {error}; {remedy}.") from error
    if not rows:
        raise InputError(f"{file} lists no rows; {remedy}.")
    return np.array(rows)


def _row(line, data, place):
    text, n_rows = (line[ROW] or "").strip(), len(data.y_train)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= n_rows):
        raise InputError(
            f"{place}: {quoted(text)} is no training row; give numbers from 1 to {n_rows:,}."
        )
    label = data.y_train[int(text) - 1]
    if line.get(LABEL) is not None and data.classes.find(line[LABEL].strip()) != label:
        raise InputError(
            f"{place}: row {text} has the label {quoted(str(label))}, not "
            f"{quoted(line[LABEL].strip())}; make the file anew from these data, or leave out its "
            f"column {LABEL!r}."
        )
    return int(text)
