"""The file that is uploaded: one predicted class for each test image."""

import csv
import io

import numpy as np

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import write_bytes
from digit_recognizer.pipeline.data.columns import join_row
from digit_recognizer.pipeline.data.diagnosis import check_length, note_id, read_label, read_rows

_REMEDY = "each test image must be there once"
_ONE_CLASS = "give each test image one class"


def write_submission(path, ids, labels, competition, classes):
    """Check a submission and write it; the same input gives the same bytes.

    Parameters
    ----------
    path : str or Path
    ids : array-like of int or str, shape (n,)
        The ids of the test images.
    labels : array-like of int or str, shape (n,)
        The predicted classes, in the order of the ids.
    competition : Competition
    classes : Classes

    Raises
    ------
    InputError
        If the submission is not valid, see `read_submission`, or cannot be written. Then an older
        file of that name stays as it is.
    """
    content = submission_bytes(ids, labels, competition)
    _read(io.BytesIO(content), path, competition, classes, ids)
    write_bytes(path, content)


def submission_bytes(ids, labels, competition):
    """Return the contents of a submission: the header, a row for each id, ``\\n`` line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([competition.id_column, competition.prediction_column])
    writer.writerows(zip(np.asarray(ids).tolist(), np.asarray(labels).tolist(), strict=True))
    return text.getvalue().encode()


def read_submission(file, competition, classes, ids):
    """Read and check a file with the columns of a submission, in whatever order its rows are.

    Parameters
    ----------
    file : DataFile
    competition : Competition
    classes : Classes
    ids : array-like of int or str, shape (n,)
        Of the test images.

    Returns
    -------
    labels : ndarray of int or str, shape (n,)
        In the order of `ids`.

    Raises
    ------
    InputError
        Naming row, column and remedy, if Kaggle would not take it: the header is another one, a
        row has too few or too many values, an id is not that of a test image or there twice, rows
        are missing, or a label is missing or not a class.
    """
    with file.open() as content:
        return _read(content, file, competition, classes, ids)


def read_sample_submission(file, competition):
    """Read the ids of a sample submission, whose labels may be anything.

    Returns
    -------
    list of str
        In the file's order; no id is there twice.

    Raises
    ------
    InputError
        As `read_submission`.
    """
    with file.open() as content:
        ids = [image_id for image_id, _, _ in _rows(content, file, competition)]
    if not ids:
        raise InputError(f"{file} has a header but no rows; {_REMEDY}.")
    return ids


def _read(content, name, competition, classes, ids):
    expected = [str(image_id) for image_id in np.asarray(ids).tolist()]
    known = set(expected)
    labels = {}
    for image_id, text, where in _rows(content, name, competition):
        if image_id not in known:
            raise InputError(
                f"{where}, column {competition.id_column}: {quoted(image_id)} is not the id of a "
                f"test image (those are {expected[0]} to {expected[-1]}); {_REMEDY}."
            )
        where = f"{where}, column {competition.prediction_column}"
        labels[image_id] = read_label(text, classes, where, _ONE_CLASS)
    missing = [image_id for image_id in expected if image_id not in labels]
    if missing:
        raise InputError(
            f"{name} has no row for {len(missing)} of {len(expected)} test images, first that of "
            f"id {missing[0]}; {_REMEDY}."
        )
    return classes.array([labels[image_id] for image_id in expected])


def _rows(content, name, competition):
    """Yield the id, the text of the label and the place of each row."""
    header = [competition.id_column, competition.prediction_column]
    rows = read_rows(content, name)
    _, first = next(rows, (None, []))
    if first != header:
        there, needed = quoted(join_row(first)), join_row(header)
        remedy = f"it must be {needed}"
        if len(first) == 2:
            remedy += (
                f', or the recipe\'s [competition] needs id_column = "{first[0]}", '
                f'prediction_column = "{first[1]}"'
            )
        raise InputError(f"{name}, line 1: the header is {there}; {remedy}.")
    line_of_id = {}
    for line, row in rows:
        where = f"{name}, line {line}"
        check_length(row, header, where)
        at = f"{where}, column {competition.id_column}"
        yield note_id(row[0], line, line_of_id, at), row[1], where
