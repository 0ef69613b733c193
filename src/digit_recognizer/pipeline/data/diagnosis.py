"""Reading a CSV file of images value by value: slow, but it says what is wrong and where."""

import csv
import io
import re
from itertools import chain

import numpy as np

from digit_recognizer.errors import InputError, counted, quoted
from digit_recognizer.pipeline.data.headers import refuse_foreign


def read_carefully(file, columns):
    """Read a CSV file of images.

    Empty lines, quotes, a byte order mark, blanks around a value, leading zeros and integers
    written as ``5.0`` or ``1e2`` are no mistakes.

    Parameters
    ----------
    file : DataFile
    columns : FileColumns

    Returns
    -------
    pixels : ndarray of uint8, shape (n_rows, n_pixels)
    labels, ids : list of str, or None
    names : tuple of str
        See `Table`.

    Raises
    ------
    InputError
        At the first mistake, naming its line (the header's is 1) and column.
    """
    pixels = bytearray()
    labels, line_of_id = [], {}
    with file.open() as content:
        rows = read_rows(content, file)
        line, first = read_first(rows, file)
        names = columns.names(first)
        places = columns.locate(names, f"{file}, line {line}")
        pixel_names = tuple(names[place] for place in places.pixels)
        if not columns.competition.header:
            rows = chain([(line, first)], rows)
        for line, row in rows:
            where = f"{file}, line {line}"
            check_length(row, names, where)
            if places.label is not None:
                at = f"{where}, column {names[places.label]}"
                label = read_label(row[places.label], columns.classes, at, columns.label_remedy)
                labels.append(label)
            if places.id is not None:
                at = f"{where}, column {names[places.id]}"
                note_id(row[places.id], line, line_of_id, at)
            values = [row[place] for place in places.pixels]
            pixels += _read_pixels(values, pixel_names, where, columns.pixel_remedy)
    if not pixels:
        raise InputError(f"{file} has a header but no rows; download it again.")
    return (
        np.frombuffer(pixels, np.uint8).reshape(-1, len(pixel_names)),
        labels if places.label is not None else None,
        list(line_of_id) if places.id is not None else None,
        pixel_names,
    )


def read_first(rows, file):
    """The first of `read_rows`, which a file must have."""
    for line, row in rows:
        return line, row
    raise InputError(f"{file} is empty; download it again.")


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
        If quotes are out of place, or the file is of another kind.
    """
    refuse_foreign(content.read(64), file)
    content.seek(0)
    with io.TextIOWrapper(content, "utf-8-sig", "surrogateescape", newline="") as text:
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
        raise InputError(
            f"{where}: {counted(len(row), 'value')} where the header has {len(header)}; correct or "
            "remove the row."
        )


def parse_number(text, limit):
    """Return the integer below `limit` that `text` spells as a number, such as 5, +5 or 5.0."""
    text = text.strip()
    if not re.fullmatch(r"[+]?[0-9]+([.][0-9]*)?([eE][+]?[0-9]+)?", text):
        return None
    value = float(text)
    return int(value) if value.is_integer() and value < limit else None


def complain(text, meaning, where, remedy="correct or remove the row"):
    """Raise the InputError for a value that is not what its column's `meaning` says."""
    if not text.strip():
        raise InputError(f"{where}: the value is missing; {remedy}.")
    raise InputError(f"{where}: {quoted(text)} is not {meaning}; {remedy}.")


def read_label(text, classes, where, remedy):
    """Return a label without blanks around it, checked; `classes` None takes any."""
    label = _read_text(text, where)
    if classes is not None and classes.find(label) is None:
        complain(label, str(classes), where, remedy)
    return label


def note_id(text, line, line_of_id, where):
    """Note an id with its line, checked; returns it without blanks around it."""
    image_id = _read_text(text, where)
    earlier = line_of_id.setdefault(image_id, line)
    if earlier != line:
        raise InputError(
            f"{where}: the id {image_id} is already in line {earlier}; correct or remove the row."
        )
    return image_id


def _read_text(text, where):
    text = text.strip()
    if not text:
        complain(text, "", where)
    if not text.isascii() and re.search("[\ud800-\udfff]", text):
        complain(text, "UTF-8 text", where, "save the file as UTF-8")
    return text


def _read_pixels(row, names, where, remedy):
    text = "".join(row)
    if text.isascii() and text.isdigit():
        try:
            return bytes(map(int, row))
        except ValueError:
            pass  # one is missing or above 255; the search below finds it
    values = [parse_number(text, 256) for text in row]
    if None in values:
        wrong = values.index(None)
        at = f"{where}, column {names[wrong]}"
        complain(row[wrong], "an integer from 0 to 255", at, remedy)
    return bytes(values)
