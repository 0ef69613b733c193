"""What distinguishes one competition in image recognition by CSV from another."""

from dataclasses import dataclass
from functools import cached_property

from digit_recognizer.errors import InputError


@dataclass(frozen=True)
class Competition:
    """Names, shapes and classes of a competition whose images are rows of a CSV file.

    Parameters
    ----------
    slug : str
        Name in the competition's address; the downloaded archive is ``<slug>.zip``.
    label_column : str
        Column of the training file that holds the class, an integer from 0.
    id_column, prediction_column : str
        The two columns of the submission.
    test_id_column : str or None
        Column of the test file that holds the ids, if there is one. Without it, the ids are
        1 to n in the order of the test file.
    train_file, test_file, sample_submission_file : str
        Names of the competition's files.
    test_labels_file : str
        Name of the file with the classes of the test images, which only data from elsewhere than
        the competition has. It has the columns of a submission.
    image_height, image_width : int
        Shape of an image; pixels go row by row.
    n_classes : int
        Classes are 0 to ``n_classes - 1``.
    pixel_prefix : str
        The pixel columns are this prefix and a running number.
    first_pixel : int
        Number of the first pixel column.

    Raises
    ------
    InputError
        If a value makes no sense.
    """

    slug: str = "digit-recognizer"
    label_column: str = "label"
    id_column: str = "ImageId"
    prediction_column: str = "Label"
    test_id_column: str | None = None
    train_file: str = "train.csv"
    test_file: str = "test.csv"
    sample_submission_file: str = "sample_submission.csv"
    test_labels_file: str = "test_labels.csv"
    image_height: int = 28
    image_width: int = 28
    n_classes: int = 10
    pixel_prefix: str = "pixel"
    first_pixel: int = 0

    def __post_init__(self):
        least = {"image_height": 1, "image_width": 1, "n_classes": 2, "first_pixel": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise InputError(
                    f"[competition] {name} is {getattr(self, name)}; give {minimum} or more."
                )
        if self.image_height * self.image_width > 1_000_000:
            raise InputError(
                f"[competition] images of {self.image_height} x {self.image_width} pixels are "
                "rows of more than a million columns; give the size of the competition's images."
            )
        # Labels are held as int16.
        if self.n_classes > 32767:
            raise InputError(f"[competition] n_classes is {self.n_classes}; give 32767 or less.")
        pixels = set(self.pixel_columns)
        for name in ("label_column", "test_id_column"):
            if getattr(self, name) in pixels:
                raise InputError(
                    f"[competition] {name} is {getattr(self, name)!r}, which is also a pixel "
                    f"column; change it or pixel_prefix."
                )
        if self.id_column == self.prediction_column:
            raise InputError(
                f"[competition] id_column and prediction_column are both {self.id_column!r}; "
                f"give the two columns of the submission."
            )

    @property
    def n_pixels(self):
        """Number of pixels of an image."""
        return self.image_height * self.image_width

    @cached_property
    def pixel_columns(self):
        """Names of the pixel columns, in the order of the pixels."""
        numbers = range(self.first_pixel, self.first_pixel + self.n_pixels)
        return tuple(f"{self.pixel_prefix}{number}" for number in numbers)


DIGIT_RECOGNIZER = Competition()
