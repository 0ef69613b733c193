"""Reading a CSV file of images into uint8: by pandas, and value by value where that fails.

pandas reads what is right at its full speed. At the first thing it refuses, the file is read
again by `read_carefully`, which accepts what is merely unusual and names line and column of what is
wrong.
"""

import csv
import re
import warnings
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import pandas as pd

from digit_recognizer.pipeline.careful import read_carefully

# Before version 3, pandas makes 0 of 256 in a column asked for as uint8; int64 shows it.
_PANDAS_REFUSES_OVERFLOW = int(pd.__version__.split(".")[0]) >= 3


class Table(NamedTuple):
    """The contents of a file of images.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n_rows, n_pixels), C-contiguous
    integers : ndarray of int64, shape (n_rows,), or None
        The classes or ids, where the file has such a column.
    """

    pixels: np.ndarray
    integers: np.ndarray | None


def read_table(file, columns):
    """Read a CSV file of images.

    Parameters
    ----------
    file : DataFile
    columns : Columns
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


def _read_fast(file, columns):
    """Return the Table, or None if pandas or a check here finds anything out of the ordinary."""
    if _begins_oddly(file):
        return None
    # pandas reads a file of its own a third faster than an open one.
    path = getattr(file, "plain_path", None)
    with nullcontext(path) if path else file.open() as content, warnings.catch_warnings():
        # A surplus value in every line is a warning only.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                content,
                dtype=_kinds(columns),
                na_filter=False,
                index_col=False,
                quoting=csv.QUOTE_NONE,
            )
        except (ValueError, OverflowError, pd.errors.ParserWarning):
            return None
    if not len(frame) or sorted(frame.columns) != sorted(columns.names):
        return None
    integers = None
    if columns.integer is not None:
        # A copy, because a view would keep all of the frame.
        integers = frame.pop(columns.integer.name).to_numpy().astype(np.int64, copy=True)
        if not _are_valid(integers, columns.integer):
            return None
    if tuple(frame.columns) != columns.pixels:
        frame = frame[list(columns.pixels)]
    pixels = frame.to_numpy()
    if pixels.dtype != np.uint8 and (pixels.min() < 0 or pixels.max() > 255):
        return None
    return Table(np.array(pixels, dtype=np.uint8, order="C"), integers)


def _kinds(columns):
    """What pandas is to read the columns as."""
    if not _PANDAS_REFUSES_OVERFLOW:
        return np.int64
    if columns.integer is None or columns.integer.limit <= 256:
        return np.uint8
    return dict.fromkeys(columns.pixels, np.uint8) | {columns.integer.name: np.int64}


def _begins_oddly(file):
    """Tell whether the first row is one that pandas would read in its own way.

    It makes 1 of a column that is all "True", and takes no notice of a comma at the end.
    """
    with file.open() as content:
        header, row = content.readline(), content.readline()
    return header.count(b",") != row.count(b",") or re.search(rb"[A-DF-Za-df-z]", row) is not None


def _are_valid(integers, column):
    if integers.min() < 0 or integers.max() >= column.limit:
        return False
    return not column.is_unique or len(np.unique(integers)) == len(integers)
