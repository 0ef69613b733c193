"""Reading a CSV file of images into uint8: by pandas, and value by value where that fails.

pandas reads what is right at its full speed. At the first thing it refuses, the file is read
again by `read_carefully`, which accepts what is merely unusual and names line and column of what is
wrong.
"""

import csv
import re
import warnings
from collections import defaultdict
from contextlib import nullcontext
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.diagnosis import read_carefully, read_first, read_rows

# Before version 3, pandas makes 0 of 256 in a column asked for as uint8; int64 shows it.
_PANDAS_REFUSES_OVERFLOW = int(version("pandas").split(".")[0]) >= 3


class Table(NamedTuple):
    """The contents of a file of images.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n_rows, n_pixels), C-contiguous
        In the network's order.
    labels, ids : list of str, or None
        As they are spelled, where the file has such a column.
    names : tuple of str
        Names of the pixel columns.
    """

    pixels: np.ndarray
    labels: list | None
    ids: list | None
    names: tuple


def read_table(file, columns):
    """Read a CSV file of images.

    Parameters
    ----------
    file : DataFile
    columns : FileColumns
        The columns the file must have, in any order.

    Returns
    -------
    table : Table

    Raises
    ------
    InputError
        Naming the line and column where the file is not what it must be: other columns, a pixel
        that is not an integer from 0 to 255 (``5.0`` is, ``5.5`` is not), a class or id that is
        missing or impossible, too few or too many values in a line, no rows.
    """
    return _read_fast(file, columns) or Table(*read_carefully(file, columns))


def has_labels(file, columns):
    """Whether a file that `read_table` reads has a column of labels, by its first line."""
    with file.open() as content:
        line, first = read_first(read_rows(content, file), file)
    return columns.locate(columns.names(first), f"{file}, line {line}").label is not None


def _read_fast(file, columns):
    """Return the Table, or None if pandas or a check here finds anything out of the ordinary."""
    import pandas as pd

    names, places = _first_lines(file, columns)
    if places is None:
        return None
    # pandas reads a file of its own a third faster than an open one.
    path = getattr(file, "plain_path", None)
    kinds = defaultdict(lambda: np.uint8 if _PANDAS_REFUSES_OVERFLOW else np.int64)
    kinds |= {place: str for place in (places.label, places.id) if place is not None}
    with nullcontext(path) if path else file.open() as content, warnings.catch_warnings():
        # A surplus value in every line is a warning only.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                content,
                names=range(len(names)),
                header=0 if columns.competition.header else None,
                usecols=places.all if len(places.all) < len(names) else None,
                dtype=kinds,
                na_filter=False,
                index_col=False,
                quoting=csv.QUOTE_NONE,
            )
        except (ValueError, OverflowError, pd.errors.ParserWarning):
            return None
    if not len(frame):
        return None
    labels, ids = (
        None if place is None else [text.strip() for text in frame.pop(place)]
        for place in (places.label, places.id)
    )
    if not _are_valid(labels, ids, columns):
        return None
    pixels = frame.to_numpy()
    if list(frame.columns) != places.pixels:
        order = np.argsort(np.argsort(places.pixels))
        pixels = pixels[:, order]
    if pixels.dtype != np.uint8 and (pixels.min() < 0 or pixels.max() > 255):
        return None
    pixel_names = tuple(names[place] for place in places.pixels)
    return Table(np.array(pixels, dtype=np.uint8, order="C"), labels, ids, pixel_names)


def _first_lines(file, columns):
    """Return the columns' names and their places, or None for what pandas would read in its way.

    It makes 1 of a column that is all "True", and takes no notice of a comma at the end.
    """
    with file.open() as content:
        first = content.readline()
        row = content.readline() if columns.competition.header else first
    if first.startswith(b"\xef\xbb\xbf") or b'"' in first + row or b"\r" in first.rstrip(b"\r\n"):
        return None, None
    if first.count(b",") != row.count(b","):
        return None, None
    try:
        names = columns.names(first.decode().rstrip("\r\n").split(","))
        places = columns.locate(names, file)
    except (InputError, UnicodeDecodeError):
        return None, None
    values = row.split(b",")
    letters = re.compile(rb"[A-DF-Za-df-z]")
    if any(letters.search(values[place]) for place in places.pixels):
        return None, None
    return names, places


def _are_valid(labels, ids, columns):
    if labels is not None:
        spelled = set(labels)
        if "" in spelled or any('"' in text for text in spelled):
            return False
        if columns.classes is not None and any(columns.classes.find(t) is None for t in spelled):
            return False
    if ids is None:
        return True
    spelled = set(ids)
    return len(spelled) == len(ids) and "" not in spelled and not any('"' in t for t in spelled)
