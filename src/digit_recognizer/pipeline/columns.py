"""Which columns a file must have, and where in its lines they are."""

import csv
import io
from dataclasses import dataclass

from digit_recognizer.errors import InputError, quoted

# int64 holds every number of so many digits.
MAX_DIGITS = 18


@dataclass(frozen=True)
class IntegerColumn:
    """A column of integers from 0 beside the pixels: the classes or the ids.

    Parameters
    ----------
    name : str
    limit : int
        Values are below it.
    meaning : str
        What a value is, for messages: ``a class from 0 to 9``.
    is_unique : bool
        Whether each value may be there only once.
    """

    name: str
    limit: int
    meaning: str
    is_unique: bool = False

    @classmethod
    def classes(cls, name, n_classes):
        """Column of the classes 0 to ``n_classes - 1``."""
        return cls(name, n_classes, f"a class from 0 to {n_classes - 1}")

    @classmethod
    def ids(cls, name):
        """Column of the ids, which must differ from each other and fit int64."""
        return cls(name, 10**MAX_DIGITS, "an id (an integer from 0)", is_unique=True)


@dataclass(frozen=True)
class Columns:
    """The columns of a file of images: the pixels and at most one more, in any order.

    Parameters
    ----------
    pixels : tuple of str
        Names of the pixel columns, in the order of the pixels.
    integer : IntegerColumn or None
    """

    pixels: tuple
    integer: IntegerColumn | None = None

    @property
    def names(self):
        """Names of all columns, in the usual order."""
        return self.pixels if self.integer is None else (self.integer.name, *self.pixels)

    def locate(self, header):
        """Say where the columns are in a line.

        Parameters
        ----------
        header : list of str
            A header that `check_header` finds no fault with.

        Returns
        -------
        position : int or None
            Of the integer column.
        order : list of int or None
            For each pixel, its place among the pixels of a line; None if they are in order.
        """
        position = None if self.integer is None else header.index(self.integer.name)
        pixels = [name for at, name in enumerate(header) if at != position]
        if tuple(pixels) == self.pixels:
            return position, None
        places = {name: place for place, name in enumerate(pixels)}
        return position, [places[name] for name in self.pixels]

    def check_header(self, header, where):
        """Raise InputError if `header` (list of str) has other columns than these.

        `where` names the file and the line for the message.
        """
        expected = set(self.names)
        there = set()
        for name in header:
            if name in there and name in expected:
                raise InputError(
                    f"{where}: the column {quoted(name)} is there twice; "
                    f"remove or rename one of them."
                )
            there.add(name)
        missing = [name for name in self.names if name not in there]
        if missing:
            others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise InputError(
                f"{where}: the column {quoted(missing[0])} is missing{others}; "
                f"the first line must be the header {self}."
            )
        for name in header:
            if name not in expected:
                raise InputError(
                    f"{where}: the column {quoted(name)} does not belong there; "
                    f"remove it, so that the header is {self}."
                )

    def __str__(self):
        names = self.names
        if len(names) > 6:
            names = (*names[: -len(self.pixels) + 2], "...", names[-1])
        return join_header(names)


def join_header(names):
    """Return names (strings) as a line of CSV, without a line end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
