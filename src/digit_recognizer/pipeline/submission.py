"""The file that is uploaded: one predicted class for each test image."""

import io
import itertools
from pathlib import Path

import numpy as np

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import write_bytes
from digit_recognizer.pipeline.careful import check_length, complain, parse_integer, read_rows
from digit_recognizer.pipeline.columns import IntegerColumn, join_header
from digit_recognizer.pipeline.data_file import DataFile

_REMEDY = "the ids must be those of the test images, in their order"


def write_submission(path, ids, labels, competition, sample_submission=None):
    """Check a submission and write it; the same input gives the same bytes.

    Parameters
    ----------
    path : str or Path
    ids : array-like of int, shape (n,)
        The ids of the test images.
    labels : array-like of int, shape (n,)
        The predicted classes, in the order of the ids.
    competition : Competition
    sample_submission : array-like of int, shape (n,), or None
        The ids of the competition's sample submission, where that is there.

    Raises
    ------
    InputError
        If the submission is not valid, see `check_submission`, or cannot be written. Then an older
        file of that name stays as it is.
    """
    content = submission_bytes(ids, labels, competition)
    expected = ids if sample_submission is None else sample_submission
    _read(io.BytesIO(content), path, competition, expected)
    write_bytes(path, content)


def submission_bytes(ids, labels, competition):
    """Return the contents of a submission: the header, a row for each id, ``\\n`` line ends."""
    rows = zip(np.asarray(ids).tolist(), np.asarray(labels).tolist(), strict=True)
    lines = [join_header([competition.id_column, competition.prediction_column])]
    lines.extend(f"{image_id},{label}" for image_id, label in rows)
    return ("\n".join(lines) + "\n").encode()


def check_submission(submission, competition, sample_submission=None):
    """Raise InputError, naming row, column and remedy, if Kaggle would not take a submission.

    Parameters
    ----------
    submission : str, Path or DataFrame
    competition : Competition
    sample_submission : array-like of int, shape (n,), or None
        The ids that must be there, in this order: those of the sample submission. Without them,
        ids must be 1 to n, or differ from each other where the competition gives its own ids.

    Raises
    ------
    InputError
        If the header is another one, a row has too few or too many values, an id is not the one
        expected there, rows are missing or too many, or a label is missing or not a class.
    """
    if isinstance(submission, str | Path):
        read_submission(DataFile(Path(submission)), competition, sample_submission)
    else:
        text = submission.to_csv(index=False, lineterminator="\n")
        _read(io.BytesIO(text.encode()), "the submission", competition, sample_submission)


def read_submission(file, competition, expected_ids=None):
    """Read and check a file with the columns of a submission.

    Parameters
    ----------
    file : DataFile
    competition : Competition
    expected_ids : array-like of int, shape (n,), or None
        As `sample_submission` of `check_submission`.

    Returns
    -------
    labels : ndarray of int16, shape (n,)

    Raises
    ------
    InputError
        As `check_submission`.
    """
    with file.open() as content:
        return _read(content, file, competition, expected_ids)


def read_sample_submission(file, competition, expected_ids):
    """Read the ids of a sample submission, whose labels may be anything.

    Parameters and errors are those of `read_submission`.

    Returns
    -------
    ids : ndarray of int64, shape (n,)
    """
    with file.open() as content:
        rows = _rows(content, file, competition)
        ids = _check_ids(rows, file, competition, expected_ids)
        return np.array([image_id for image_id, _, _ in ids], np.int64)


def _read(content, name, competition, expected_ids):
    classes = IntegerColumn.classes(competition.prediction_column, competition.n_classes)
    labels = []
    rows = _rows(content, name, competition)
    for _, text, where in _check_ids(rows, name, competition, expected_ids):
        label = parse_integer(text, classes.limit)
        if label is None:
            where = f"{where}, column {classes.name}"
            complain(text, classes.meaning, where, "give each test image one class")
        labels.append(label)
    return np.array(labels, np.int16)


def _rows(content, name, competition):
    """Yield the id, the text of the label and the place of each row."""
    header = [competition.id_column, competition.prediction_column]
    ids = IntegerColumn.ids(competition.id_column)
    rows = read_rows(content, name)
    _, first = next(rows, (None, []))
    if first != header:
        there, needed = quoted(join_header(first)), join_header(header)
        raise InputError(f"{name}, line 1: the header is {there}; it must be {needed}.")
    for line, row in rows:
        where = f"{name}, line {line}"
        check_length(row, header, where)
        image_id = parse_integer(row[0], ids.limit)
        if image_id is None:
            complain(row[0], ids.meaning, f"{where}, column {ids.name}")
        yield image_id, row[1], where


def _check_ids(rows, name, competition, expected):
    """Yield the rows on; raise InputError where an id is not the one expected there."""
    if expected is not None:
        expected = np.asarray(expected).tolist()
        next_ids = iter(expected)
    else:
        next_ids = itertools.count(1) if competition.test_id_column is None else None
    seen = set()
    for row in rows:
        image_id, _, where = row
        where = f"{where}, column {competition.id_column}"
        if image_id in seen:
            raise InputError(f"{where}: the id {image_id} is there twice; {_REMEDY}.")
        seen.add(image_id)
        right = image_id if next_ids is None else next(next_ids, "no row")
        if image_id != right:
            raise InputError(f"{where}: {image_id} stands where {right} is expected; {_REMEDY}.")
        yield row
    if not seen:
        raise InputError(f"{name} has a header but no rows; {_REMEDY}.")
    if expected is not None and len(seen) < len(expected):
        raise InputError(
            f"{name} ends after {len(seen)} of {len(expected)} rows, before id "
            f"{expected[len(seen)]}; {_REMEDY}."
        )
