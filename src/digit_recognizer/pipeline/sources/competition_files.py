"""Images written as the competition's own files."""

from pathlib import Path

import numpy as np

from digit_recognizer.files import write_bytes
from digit_recognizer.pipeline.data.columns import join_row
from digit_recognizer.pipeline.data.submission import submission_bytes


def competition_files(competition, X_train, y_train, X_test, y_test) -> dict[str, bytes]:
    """Spell images and classes as the competition's files and the labels of the test images.

    Parameters
    ----------
    competition : Competition
    X_train, X_test : ndarray of uint8, shape (n, n_pixels)
        In the network's order.
    y_train, y_test : ndarray of int or str, shape (n,)

    Returns
    -------
    dict of name to contents
        The same bytes for the same arrays.
    """
    ids = np.arange(1, len(X_test) + 1)
    first_class = np.full(len(ids), (competition.classes or [0])[0])
    contents = (
        _table_bytes(competition, X_train, competition.label_column, y_train),
        _table_bytes(competition, X_test, competition.test_id_column, ids),
        submission_bytes(ids, first_class, competition),
        submission_bytes(ids, y_test, competition),
    )
    return dict(zip(competition.files, contents, strict=True))


def write_files(folder, files: dict[str, bytes]) -> None:
    """Write what `competition_files` spells; files that are there and whole are kept."""
    for name, content in files.items():
        path = Path(folder) / name
        if not (path.is_file() and path.read_bytes() == content):
            write_bytes(path, content)


def _table_bytes(competition, X, name, values):
    """The pixels, and beside them a column of that name, unless it has none."""
    spelled = [str(value) for value in range(256)]
    order = np.argsort(competition.pixel_numbers)
    lines = [[spelled[value] for value in row] for row in X[:, order].tolist()]
    named = competition.pixel_names
    names = [named[place] if named else f"pixel{number}" for number, place in enumerate(order)]
    if name is not None:
        # Without a header the name is a place.
        place = 0 if competition.header else int(name)
        names.insert(place, name)
        for line, value in zip(lines, np.asarray(values).tolist(), strict=True):
            line.insert(place, str(value))
    header = [join_row(names)] if competition.header else []
    return "\n".join([*header, *(",".join(line) for line in lines), ""]).encode()
