"""The competition's data in memory."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.data.archive import find_file, require_file
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.columns import FileColumns
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.data.duplicates import describe_duplicates, group_identical
from digit_recognizer.pipeline.data.submission import read_sample_submission, read_submission
from digit_recognizer.pipeline.data.table import has_labels, read_table


@dataclass(frozen=True, eq=False)
class Data:
    """Images, classes and ids of a competition.

    Parameters
    ----------
    X_train : ndarray of uint8, shape (n_train, n_pixels), C-contiguous
    y_train : ndarray of int or str, shape (n_train,)
    X_test : ndarray of uint8, shape (n_test, n_pixels), C-contiguous
    test_ids : ndarray of int64 or str, shape (n_test,)
        The ids of the test images, in their order: 1 to n, or as they are spelled.
    classes : Classes
        What a label may be.
    description : str
        How much there is and where it was read from.
    held_back_labels : ndarray of int or str, shape (n_test,), or None
        The classes of the test images, where the folder has them.
    files_digest : str
        Of the files the data were read from, see `digest_files`.
    rows : ndarray of int, shape (n_train,), or None
        Numbers of the training rows in their file, from 1, where some were left out.
    whole_fingerprint : str or None
        The fingerprint with these.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    test_ids: np.ndarray
    classes: Classes
    description: str
    held_back_labels: np.ndarray | None = None
    files_digest: str = ""
    rows: np.ndarray | None = None
    whole_fingerprint: str | None = None

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
    train, classes = _read_train(train_file, competition)
    test, ids = _read_test(folder, competition, classes, train.names)
    return Data(
        X_train=train.pixels,
        y_train=classes.array(train.labels),
        X_test=test.pixels,
        test_ids=ids,
        classes=classes,
        description=_describe(train, test, train_file, competition),
        held_back_labels=_held_back_labels(folder, competition, classes, test, ids),
        files_digest=files_digest,
    )


def read_expected(folder, competition):
    """Read what a submission is checked against.

    Returns
    -------
    ids : ndarray of int64 or str, shape (n_test,)
    classes : Classes

    Raises
    ------
    InputError
        As `load_data`.
    """
    classes, names = Classes.listed(competition), competition.pixel_names
    if classes is None:
        train_file = require_file(folder, competition.train_file, competition)
        train, classes = _read_train(train_file, competition)
        names = train.names
    sample = find_file(folder, competition.sample_submission_file, competition)
    if sample is not None:
        return np.array(read_sample_submission(sample, competition)), classes
    return _read_test(folder, competition, classes, names)[1], classes


def has_test_labels(folder, competition):
    """Whether a folder has the classes of the test images, which a competition never gives out."""
    if find_file(folder, competition.test_labels_file, competition):
        return True
    test_file = require_file(folder, competition.test_file, competition)
    return has_labels(test_file, FileColumns.test(competition, None, competition.pixel_names))


def _read_train(file, competition):
    """The training file's contents, and the classes there are."""
    train = read_table(file, FileColumns.train(competition))
    return train, Classes.listed(competition) or Classes.found(train.labels)


def _read_test(folder, competition, classes, names):
    """The test file's contents, and the ids of its images."""
    file = require_file(folder, competition.test_file, competition)
    # Without a header, the names are places, which labels in front shift.
    names = names if competition.header else None
    test = read_table(file, FileColumns.test(competition, classes, names))
    sample_file = find_file(folder, competition.sample_submission_file, competition)
    sample = None if sample_file is None else read_sample_submission(sample_file, competition)
    ids = np.arange(1, len(test.pixels) + 1) if test.ids is None else np.array(test.ids)
    if sample is not None and set(sample) != set(map(str, ids.tolist())):
        if test.ids is not None or len(sample) != len(ids):
            _complain_of_ids(sample, ids, sample_file, file, competition)
        # The test file does not say its ids: the sample submission does.
        ids = np.array(sample)
    return test, ids


def _complain_of_ids(sample, ids, sample_file, test_file, competition):
    known = set(map(str, ids.tolist()))
    foreign = [image_id for image_id in sample if image_id not in known]
    missing = [image_id for image_id in ids.tolist() if str(image_id) not in set(sample)]
    lack = (
        f"the id {quoted(foreign[0])}, which is not one of the {len(ids):,} of {test_file}"
        if foreign
        else f"no id {missing[0]}, which {test_file} has"
    )
    key = competition.test_id_column
    remedy = (
        "correct the recipe's [competition] test_id_column"
        if key is not None
        else "if the test file has a column of ids, give the recipe's [competition] test_id_column"
    )
    raise InputError(f"{sample_file} has {lack}; {remedy}, or download both files again.")


def _held_back_labels(folder, competition, classes, test, ids):
    if test.labels is not None:
        return classes.array(test.labels)
    file = find_file(folder, competition.test_labels_file, competition)
    return None if file is None else read_submission(file, competition, classes, ids)


def digest_files(folder, competition) -> str:
    """SHA-256, in hexadecimal, of the competition's files in a folder, as they lie on the disk."""
    digest = hashlib.sha256()
    for name in competition.files:
        file = find_file(folder, name, competition)
        content = "" if file is None else f"{file.path.name} {sha256(file.path)}"
        digest.update(f"{name}: {content}\n".encode())
    return digest.hexdigest()


def _describe(train, test, train_file, competition):
    origin = train_file.path if train_file.member else train_file.path.parent
    return (
        f"{len(train.pixels):,} training and {len(test.pixels):,} test images of "
        f"{' x '.join(map(str, competition.image_shape[:2]))} pixels"
        f"{' in colors' if competition.channels == 3 else ''} from {origin}"
    )
