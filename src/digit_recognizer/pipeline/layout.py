"""Images written as the competition's own files."""

import numpy as np

from digit_recognizer.pipeline.columns import join_header
from digit_recognizer.pipeline.submission import submission_bytes


def competition_files(competition, X_train, y_train, X_test, y_test):
    """Spell images and classes as the competition's files and the labels of the test images.

    Parameters
    ----------
    competition : Competition
    X_train, X_test : ndarray of uint8, shape (n, n_pixels)
    y_train, y_test : ndarray of int, shape (n,)

    Yields
    ------
    name : str
    content : bytes
        The same bytes for the same arrays.
    """
    pixels = competition.pixel_columns
    header = [competition.label_column, *pixels]
    yield competition.train_file, _table_bytes(header, X_train, y_train)

    ids = np.arange(1, len(X_test) + 1)
    if competition.test_id_column is None:
        yield competition.test_file, _table_bytes(pixels, X_test)
    else:
        header = [competition.test_id_column, *pixels]
        yield competition.test_file, _table_bytes(header, X_test, ids)

    zeros = np.zeros_like(ids)
    yield competition.sample_submission_file, submission_bytes(ids, zeros, competition)
    yield competition.test_labels_file, submission_bytes(ids, y_test, competition)


def _table_bytes(header, X, first_column=None):
    spelled = [str(value) for value in range(256)]
    lines = [",".join([spelled[value] for value in row.tolist()]) for row in X]
    if first_column is not None:
        pairs = zip(first_column.tolist(), lines, strict=True)
        lines = [f"{value},{line}" for value, line in pairs]
    return "\n".join([join_header(header), *lines, ""]).encode()
