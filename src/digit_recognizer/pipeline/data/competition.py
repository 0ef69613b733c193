"""What distinguishes one competition in image recognition by CSV from another."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from string import Formatter
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from digit_recognizer.errors import InputError

# `pixel_columns` that takes all columns which nothing else names.
ALL_OTHERS = "*"
MAX_CLASSES = 32767  # labels are held as int16


@dataclass(frozen=True)
class Competition:
    """Names, shapes and classes of a competition whose images are rows of a CSV file.

    Parameters
    ----------
    slug : str
        Name in the competition's address; the downloaded archive is ``<slug>.zip``. With an owner,
        ``owner/name``, it is one of Kaggle's data sets, which nothing can be uploaded for.
    header : bool
        Whether the first line names the columns. If not, their names are "0", "1", … by place.
    label_column : str
        Column that holds the class in the training file, and in the test file where its classes
        are known.
    test_id_column : str or None
        Column of the test file that holds the ids, which are kept as they are spelled. Without it
        the ids are 1 to n in the order of the test file, or those of the sample submission in its
        order where they are others.
    drop_columns : list of str
        Columns to leave out, where they are there.
    pixel_columns : str
        The pixel columns' names: a pattern with ``{}`` for a running number, or ``{row}``,
        ``{column}`` and ``{channel}``, each with zeros in front if need be (``{:04}``); or "*" for
        all columns that no other key names, in the file's order.
    first_pixel : int
        The number that a pattern's counting begins with.
    pixel_order : {"HWC", "CHW", "WHC", "CWH"}
        What pixels are counted along, slowest first: height (H), width (W), channels (C). "HWC" is
        row by row with the channels interleaved, "CHW" one channel after the other, "WHC" column
        by column, as in images that are stored transposed.
    image_height, image_width : int
        Shape of an image.
    channels : int
        1 for gray, 3 for colors.
    classes : list of int or list of str, or None
        All values a label may have; None for those of the training file.
    id_column, prediction_column : str
        The two columns of the submission.
    train_file, test_file : str
        Names of the competition's files.
    sample_submission_file : str
        Name of the sample submission, which need not be there.
    test_labels_file : str
        Name of the file with the classes of the test images, which only data from elsewhere than
        the competition has. It has the columns of a submission.

    Raises
    ------
    InputError
        If a value makes no sense.
    """

    slug: str = "digit-recognizer"
    header: bool = True
    label_column: str = "label"
    test_id_column: str | None = None
    drop_columns: list[str] = field(default_factory=list)
    pixel_columns: str = "pixel{}"
    first_pixel: Annotated[int, Meta(ge=0)] = 0
    pixel_order: Literal["HWC", "CHW", "WHC", "CWH"] = "HWC"
    image_height: Annotated[int, Meta(ge=1)] = 28
    image_width: Annotated[int, Meta(ge=1)] = 28
    channels: Literal[1, 3] = 1
    classes: list[int | str] | None = None
    id_column: str = "ImageId"
    prediction_column: str = "Label"
    train_file: str = "train.csv"
    test_file: str = "test.csv"
    sample_submission_file: str = "sample_submission.csv"
    test_labels_file: str = "test_labels.csv"

    def __post_init__(self):
        if self.n_pixels > 1_000_000:
            raise InputError(
                f"[competition] images of {self.image_height} x {self.image_width} pixels are "
                "rows of more than a million columns; give the size of the competition's images."
            )
        if self.id_column == self.prediction_column:
            raise InputError(
                f"[competition] id_column and prediction_column are both {self.id_column!r}; "
                f"give the two columns of the submission."
            )
        self._check_classes()
        self._check_pixel_columns()
        if not self.header:
            self._check_places()

    def _check_classes(self):
        if self.classes is None:
            return
        n_classes = len({str(value) for value in self.classes})
        if n_classes < len(self.classes):
            raise _mistake("classes", "names a class twice; leave out one of the two")
        if not 2 <= n_classes <= MAX_CLASSES:
            raise _mistake("classes", f"has {n_classes}; give from 2 to {MAX_CLASSES}")

    def _check_pixel_columns(self):
        if self.pixel_columns == ALL_OTHERS:
            return
        kinds = ("", "row", "column", "channel")
        try:
            parts = [part[1:] for part in Formatter().parse(self.pixel_columns)]
            if any(
                kind is not None and (kind not in kinds or not re.fullmatch("(0?[1-9])?d?", width))
                for kind, width, _ in parts
            ):
                raise ValueError
            names = set(self.pixel_names)
        except (ValueError, IndexError) as error:
            raise _mistake(
                "pixel_columns",
                f"is {self.pixel_columns!r}; give a pattern such as 'pixel{{}}' or "
                "'{row}x{column}', or '*' for all columns that no other key names",
            ) from error
        if len(names) < self.n_pixels:
            raise _mistake(
                "pixel_columns",
                f"is {self.pixel_columns!r}, which names several pixels alike; put {{}} where the "
                "number stands, or {row} and {column}, and {channel} if there are three",
            )
        for name in ("label_column", "test_id_column"):
            if getattr(self, name) in names:
                raise _mistake(
                    name,
                    f"is {getattr(self, name)!r}, which is also a pixel column; change it or "
                    "pixel_columns",
                )

    def _check_places(self):
        if self.pixel_columns != ALL_OTHERS:
            raise _mistake("header", 'is false: pixels have no names; give pixel_columns = "*"')
        ids = [] if self.test_id_column is None else [self.test_id_column]
        for key, names in (
            ("label_column", [self.label_column]),
            ("test_id_column", ids),
            ("drop_columns", self.drop_columns),
        ):
            for name in names:
                if not (name.isascii() and name.isdigit()):
                    raise _mistake(
                        "header",
                        f"is false: columns are known by their places, counted from 0; {key} "
                        f'has {name!r}, give a place such as "0"',
                    )

    @property
    def image_shape(self):
        """Height, width and channels of an image as the network takes it."""
        return self.image_height, self.image_width, self.channels

    @property
    def n_pixels(self):
        """Number of values of an image."""
        return self.image_height * self.image_width * self.channels

    @property
    def is_data_set(self):
        """Whether this is one of Kaggle's data sets, not a competition."""
        return "/" in self.slug

    @property
    def name(self):
        """The slug without an owner."""
        return self.slug.rpartition("/")[2]

    @property
    def archive(self):
        """Name of the archive that Kaggle hands out."""
        return f"{self.name}.zip"

    @property
    def files(self):
        """Names of the files there may be: training, test, sample submission, test labels."""
        return (
            self.train_file,
            self.test_file,
            self.sample_submission_file,
            self.test_labels_file,
        )

    @cached_property
    def pixel_numbers(self):
        """For each value of an image, in the network's order, its number in the file's order."""
        sizes = dict(zip("HWC", self.image_shape, strict=True))
        numbers = np.arange(self.n_pixels).reshape([sizes[axis] for axis in self.pixel_order])
        return numbers.transpose([self.pixel_order.index(axis) for axis in "HWC"]).ravel().tolist()

    @cached_property
    def pixel_names(self):
        """Names of the pixel columns in the network's order; None if "*" takes all that are left"""
        if self.pixel_columns == ALL_OTHERS:
            return None
        first = self.first_pixel
        places = product(*(range(first, first + size) for size in self.image_shape))
        return tuple(
            self.pixel_columns.format(first + number, row=row, column=column, channel=channel)
            for number, (row, column, channel) in zip(self.pixel_numbers, places, strict=True)
        )


def _mistake(key, text):
    return InputError(f"[competition] {key} {text}.")


DIGIT_RECOGNIZER = Competition(classes=list(range(10)))
