"""The competition's data in memory."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from digit_recognizer.files import sha256
from digit_recognizer.pipeline.archive import find_file, require_file
from digit_recognizer.pipeline.columns import Columns, IntegerColumn
from digit_recognizer.pipeline.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.duplicates import describe_duplicates, group_identical
from digit_recognizer.pipeline.submission import read_sample_submission, read_submission
from digit_recognizer.pipeline.table import read_table


@dataclass(frozen=True, eq=False)
class Data:
    """Images, classes and ids of a competition.

    Parameters
    ----------
    X_train : ndarray of uint8, shape (n_train, n_pixels), C-contiguous
    y_train : ndarray of int16, shape (n_train,)
    X_test : ndarray of uint8, shape (n_test, n_pixels), C-contiguous
    test_ids : ndarray of int64, shape (n_test,)
        The ids of the test images, in their order.
    description : str
        How much there is and where it was read from.
    sample_submission_ids : ndarray of int64, shape (n_test,), or None
        The ids of the sample submission, equal to `test_ids`; None if there is no such file.
    held_back_labels : ndarray of int16, shape (n_test,), or None
        The classes of the test images, where the folder has them.
    files_digest : str
        Of the files the data were read from, see `digest_files`.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    test_ids: np.ndarray
    description: str
    sample_submission_ids: np.ndarray | None = None
    held_back_labels: np.ndarray | None = None
    files_digest: str = ""

    @property
    def is_sample(self):
        """Whether the data is a sample, whose submission cannot be uploaded.

        A competition never gives out the classes of its test images, so data with them is the
        embedded sample or comes from elsewhere.
        """
        return self.held_back_labels is not None

    @cached_property
    def groups(self):
        """For each training row, the first one with the same image, see `group_identical`."""
        return group_identical(self.X_train)

    @property
    def summary(self):
        """The description, and what to know of images that are there more than once."""
        return f"{self.description}\n{describe_duplicates(self.groups, self.y_train)}".strip()

    @cached_property
    def fingerprint(self):
        """SHA-256, in hexadecimal, of all that a model is trained on and predicts."""
        digest = hashlib.sha256()
        for array in (self.X_train, self.y_train, self.X_test, self.test_ids):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array)
        return digest.hexdigest()


def load_data(folder, competition=DIGIT_RECOGNIZER):
    """Read and check the competition's files in a folder, in whatever form `find_file` finds.

    Parameters
    ----------
    folder : str or Path
    competition : Competition

    Returns
    -------
    data : Data

    Raises
    ------
    InputError
        If a file is missing, damaged or wrong anywhere.
    """
    folder = Path(folder)
    # Before they are read: files that change meanwhile are not taken for what was read.
    files_digest = digest_files(folder, competition)
    train_file = require_file(folder, competition.train_file, competition)
    test_file = require_file(folder, competition.test_file, competition)
    classes = IntegerColumn.classes(competition.label_column, competition.n_classes)
    X_train, y_train = read_table(train_file, Columns(competition.pixel_columns, classes))

    has_ids = competition.test_id_column is not None
    id_column = IntegerColumn.ids(competition.test_id_column) if has_ids else None
    X_test, test_ids = read_table(test_file, Columns(competition.pixel_columns, id_column))
    if test_ids is None:
        test_ids = np.arange(1, len(X_test) + 1)

    def read_beside(name, read):
        file = find_file(folder, name, competition)
        return None if file is None else read(file, competition, test_ids)

    return Data(
        X_train=X_train,
        y_train=y_train.astype(np.int16),
        X_test=X_test,
        test_ids=test_ids,
        description=_describe(X_train, X_test, train_file, competition),
        sample_submission_ids=read_beside(
            competition.sample_submission_file, read_sample_submission
        ),
        held_back_labels=read_beside(competition.test_labels_file, read_submission),
        files_digest=files_digest,
    )


def digest_files(folder, competition) -> str:
    """SHA-256, in hexadecimal, of the competition's files in a folder, as they lie on the disk."""
    digest = hashlib.sha256()
    for name in (
        competition.train_file,
        competition.test_file,
        competition.sample_submission_file,
        competition.test_labels_file,
    ):
        file = find_file(folder, name, competition)
        content = "" if file is None else f"{file.path.name} {sha256(file.path)}"
        digest.update(f"{name}: {content}\n".encode())
    return digest.hexdigest()


def _describe(X_train, X_test, train_file, competition):
    origin = train_file.path if train_file.member else train_file.path.parent
    return (
        f"{len(X_train):,} training and {len(X_test):,} test images of "
        f"{competition.image_height} x {competition.image_width} pixels from {origin}"
    )
