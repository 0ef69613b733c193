"""Which columns a file of images must have, and where in its lines they are."""

import csv
import io
from dataclasses import dataclass
from typing import NamedTuple

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.competition import ALL_OTHERS, Competition
from digit_recognizer.pipeline.data.headers import complain_of_columns, refuse_missing_header


class Places(NamedTuple):
    """Where in a line the columns are.

    Parameters
    ----------
    pixels : list of int
        For each value of an image, in the network's order.
    label, id : int or None
        None where the file has no such column.
    """

    pixels: list
    label: int | None
    id: int | None

    @property
    def all(self):
        """All places, ascending."""
        return sorted(place for place in (*self.pixels, self.label, self.id) if place is not None)


@dataclass(frozen=True)
class FileColumns:
    """The columns of a training or a test file, in any order.

    Parameters
    ----------
    competition : Competition
    is_test : bool
        Whether labels are no must.
    classes : Classes or None
        What a label may be; None for anything.
    pixels : tuple of str or None
        Names of the pixel columns, in the network's order; None for all that nothing else names.
    """

    competition: Competition
    is_test: bool
    classes: Classes | None
    pixels: tuple | None

    @classmethod
    def train(cls, competition):
        """Columns of the training file."""
        return cls(competition, False, Classes.listed(competition), competition.pixel_names)

    @classmethod
    def test(cls, competition, classes, pixels):
        """Columns of the test file; `classes` and `pixels` are those of the training file."""
        return cls(competition, True, classes, pixels)

    @property
    def ids(self):
        """Name of the column of the ids, or None."""
        return self.competition.test_id_column if self.is_test else None

    @property
    def label_remedy(self):
        """What to do about a label that is no class."""
        if self.is_test:
            return (
                "correct the row, or leave the column out with [competition] drop_columns = "
                f'["{self.competition.label_column}"]'
            )
        return (
            "correct the row, or [competition] classes in the recipe, a section that takes the "
            "classes of the training file without that key"
        )

    @property
    def pixel_remedy(self):
        """What to do about a pixel that is none."""
        if self.competition.pixel_columns != ALL_OTHERS:
            return "correct or remove the row"
        return "correct the row, or name the column in [competition] label_column or drop_columns"

    def names(self, first_row):
        """The columns' names, given a file's first row."""
        if self.competition.header:
            return [name.strip() for name in first_row]
        return [str(place) for place in range(len(first_row))]

    def locate(self, names, where):
        """Say where the columns are in a line.

        Parameters
        ----------
        names : list of str
            Names of all the file's columns, in its order.
        where : str
            Names the file and the line for messages.

        Returns
        -------
        places : Places

        Raises
        ------
        InputError
            If there are other columns, with the key of the recipe that mends it.
        """
        competition = self.competition
        label = competition.label_column
        # A training file's ids are of no use.
        dropped = {*competition.drop_columns, competition.test_id_column} - {label, self.ids}
        others = [name for name in names if name not in (*dropped, label, self.ids)]
        has_label = label in names and label != self.ids
        if self.is_test and not competition.header and len(others) < competition.n_pixels:
            # Places tell nothing of what a column holds: their number does.
            has_label = False
            others = [name for name in names if name not in (dropped - {label}) | {self.ids}]
        if competition.header:
            refuse_missing_header(names, self, where)
            _refuse_twice(names, dropped, where)
        pixels = self.pixels
        if pixels is None and len(others) == competition.n_pixels:
            pixels = [others[number] for number in competition.pixel_numbers]
        if (
            not (has_label or self.is_test)
            or (self.ids is not None and self.ids not in names)
            or pixels is None
            or len(others) != len(pixels)
            or set(others) != set(pixels)
        ):
            complain_of_columns(names, others, self, where)
        places = {name: place for place, name in enumerate(names)}
        return Places(
            [places[name] for name in pixels],
            places[label] if has_label else None,
            places.get(self.ids),
        )

    def __str__(self):
        names = self.pixels or ("...",)
        if len(names) > 5:
            names = (*names[:2], "...", names[-1])
        first = self.ids if self.is_test else self.competition.label_column
        return join_row([first, *names] if first else names)


def _refuse_twice(names, dropped, where):
    there = set()
    for name in names:
        if name in there and name not in dropped:
            raise InputError(
                f"{where}: the column {quoted(name)} is there twice; remove or rename one of them."
            )
        there.add(name)


def join_row(values):
    """Return values as a line of CSV, without a line end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
