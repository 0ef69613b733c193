"""Reading a CSV file of images into uint8, fast where it can be and exact where it must be.

A file in the usual strict form goes through `parse_block`, some hundred lines at a time. At the
first thing out of the ordinary the file is read again value by value, which accepts what is merely
unusual (quotes, blanks around a number, empty lines) and names line and column of what is wrong.
"""

from typing import NamedTuple

import numpy as np

from digit_recognizer.pipeline.careful import read_carefully
from digit_recognizer.pipeline.columns import MAX_DIGITS, split_header
from digit_recognizer.pipeline.digits import parse_block

# Blocks of 256 kB stay in the cache; 64 kB to 1 MB measured the same within 5%.
_BLOCK_SIZE = 1 << 18


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
        that is not an integer from 0 to 255 written in digits (``5.0`` and ``+5`` are not), a
        class or id that is missing or impossible, too few or too many values in a line, no rows.
    """
    return _read_fast(file, columns) or Table(*read_carefully(file, columns))


def _read_fast(file, columns):
    """Return the Table, or None if the file is not of the strict form or has a mistake."""
    pixels = bytearray()
    integers = []
    with file.open() as content:
        header = split_header(content.readline())
        if header is None or sorted(header) != sorted(columns.names):
            return None
        position, order = columns.locate(header)
        while lines := content.readlines(_BLOCK_SIZE):
            if position is not None:
                texts, lines = _take_out(lines, position)
                if not all(text.isdigit() and len(text) <= MAX_DIGITS for text in texts):
                    return None
                integers.extend(map(int, texts))
            values = parse_block(_join(lines), len(columns.pixels))
            if values is None:
                return None
            pixels.extend(values if order is None else np.ascontiguousarray(values[:, order]))
    return _table(pixels, integers, columns)


def _take_out(lines, position):
    """Split off the value at `position` of each line: the values and the lines without them."""
    values, rests = [], []
    for line in lines:
        parts = line.rstrip(b"\r\n").split(b",", position + 1)
        values.append(parts.pop(position) if position < len(parts) else b"")
        rests.append(b",".join(parts) + b"\n")
    return values, rests


def _join(lines):
    block = b"".join(lines)
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    return block if block.endswith(b"\n") else block + b"\n"


def _table(pixels, integers, columns):
    """Make arrays of what was read, without a copy; None if a check fails."""
    if not pixels:
        return None
    pixels = np.frombuffer(pixels, np.uint8).reshape(-1, len(columns.pixels))
    if columns.integer is None:
        return Table(pixels, None)
    integers = np.array(integers, np.int64)
    if integers.max() >= columns.integer.limit:
        return None
    if columns.integer.is_unique and len(np.unique(integers)) != len(integers):
        return None
    return Table(pixels, integers)
