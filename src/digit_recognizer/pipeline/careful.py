"""Reading a CSV file of images value by value: slow, but it says what is wrong and where."""

import csv
import io
import re

import numpy as np

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.pipeline.columns import MAX_DIGITS


def read_carefully(file, columns):
    """Read a CSV file of images.

    Empty lines, quotes, a byte order mark, blanks around a value, leading zeros and integers
    written as ``5.0`` or ``1e2`` are no mistakes.

    Parameters
    ----------
    file : DataFile
    columns : Columns

    Returns
    -------
    pixels : ndarray of uint8, shape (n_rows, n_pixels)
    integers : ndarray of int64, shape (n_rows,), or None

    Raises
    ------
    InputError
        At the first mistake, naming its line (the header's is 1) and column.
    """
    pixels = bytearray()
    integers = []
    line_of_id = {}
    with file.open() as content:
        rows = read_rows(content, file)
        line, header = next(rows, (None, None))
        if header is None:
            raise InputError(f"{file} is empty; download it again.")
        columns.check_header(header, f"{file}, line {line}")
        position, order = columns.locate(header)
        for line, row in rows:
            where = f"{file}, line {line}"
            check_length(row, header, where)
            if position is not None:
                integers.append(_read_integer(row.pop(position), columns.integer, where))
                if columns.integer.is_unique:
                    _check_unique(integers[-1], line, line_of_id, columns.integer, where)
            if order is not None:
                row = [row[place] for place in order]
            pixels += _read_pixels(row, columns.pixels, where)
    if not pixels:
        raise InputError(f"{file} has a header but no rows; download it again.")
    return (
        np.frombuffer(pixels, np.uint8).reshape(-1, len(columns.pixels)),
        None if position is None else np.array(integers, np.int64),
    )


def read_rows(content, file):
    """Yield the rows of a CSV file that are not blank, each with the number of its first line.

    Parameters
    ----------
    content : binary file
    file : object
        Its ``str`` names the file for messages.

    Yields
    ------
    line : int
    row : list of str

    Raises
    ------
    InputError
        If quotes are out of place.
    """
    with io.TextIOWrapper(content, "utf-8-sig", "backslashreplace", newline="") as text:
        reader = csv.reader(text, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise InputError(
                    f"{file}, line {line}: {error}; correct the quotes or remove the row."
                ) from error
            if row is None:
                return
            if len(row) > 1 or "".join(row).strip():
                yield line, row


def check_length(row, header, where):
    """Raise InputError, beginning with `where`, if a row has not as many values as the header."""
    if len(row) != len(header):
        n_values = "1 value" if len(row) == 1 else f"{len(row)} values"
        raise InputError(
            f"{where}: {n_values} where the header has {len(header)}; correct or remove the row."
        )


def parse_integer(text, limit):
    """Return the integer below `limit` that `text` spells in digits, or None."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    value = int(digits) if len(digits) <= MAX_DIGITS else limit
    return value if value < limit else None


def parse_number(text, limit):
    """Return the integer below `limit` that `text` spells as a number, such as 5, +5 or 5.0."""
    text = text.strip()
    if not re.fullmatch(r"[+]?[0-9]+([.][0-9]*)?([eE][+]?[0-9]+)?", text):
        return None
    digits = text.removeprefix("+")
    if digits.isdigit():
        return parse_integer(digits, limit)
    value = float(text)
    return int(value) if value.is_integer() and value < limit else None


def complain(text, meaning, where, remedy="correct or remove the row"):
    """Raise the InputError for a value that is not what its column's `meaning` says."""
    if not text.strip():
        raise InputError(f"{where}: the value is missing; {remedy}.")
    raise InputError(f"{where}: {quoted(text)} is not {meaning}; {remedy}.")


def _read_integer(text, column, where):
    value = parse_number(text, column.limit)
    if value is None:
        complain(text, column.meaning, f"{where}, column {column.name}")
    return value


def _check_unique(value, line, line_of_id, column, where):
    earlier = line_of_id.setdefault(value, line)
    if earlier != line:
        raise InputError(
            f"{where}, column {column.name}: the id {value} is already in line {earlier}; "
            f"correct or remove the row."
        )


def _read_pixels(row, names, where):
    text = "".join(row)
    if text.isascii() and text.isdigit():
        try:
            return bytes(map(int, row))
        except ValueError:
            pass  # one is missing or above 255; the search below finds it
    values = [parse_number(text, 256) for text in row]
    if None in values:
        wrong = values.index(None)
        complain(row[wrong], "an integer from 0 to 255", f"{where}, column {names[wrong]}")
    return bytes(values)
