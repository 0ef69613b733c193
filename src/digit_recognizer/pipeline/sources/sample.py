"""The embedded sample: scikit-learn's 1,797 small digits in the competition's layout."""

import numpy as np
from sklearn.datasets import load_digits

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.sources.competition_files import competition_files, write_files

# One image of each class in so many is held back for the test.
_TEST_SHARE = 4


def write_sample(folder, competition):
    """Write the sample as the competition's files, and the labels of its test images.

    Files that are there and whole are kept as they are.

    Parameters
    ----------
    folder : str or Path
    competition : Competition

    Raises
    ------
    InputError
        If the competition lacks one of the classes 0 to 9, or a file cannot be written.
    """
    write_files(folder, competition_files(competition, *sample_arrays(competition)))


def sample_arrays(competition):
    """Return the sample at the competition's image size, split into training and test.

    The split is stratified and always the same, and so is every pixel.

    Parameters
    ----------
    competition : Competition

    Returns
    -------
    X_train : ndarray of uint8, shape (1343, n_pixels)
    y_train : ndarray of int, shape (1343,)
    X_test : ndarray of uint8, shape (454, n_pixels)
    y_test : ndarray of int, shape (454,)
    """
    check_digits(competition, "The sample")
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.int64).reshape(-1, 8, 8)
    X = _enlarge(images, competition.image_height, competition.image_width)
    X = X.reshape(len(X), -1).repeat(competition.channels, axis=1)
    is_test = np.zeros(len(X), bool)
    for label in range(10):
        is_test[np.flatnonzero(labels == label)[::_TEST_SHARE]] = True
    return X[~is_test], labels[~is_test], X[is_test], labels[is_test]


def check_digits(competition, what):
    """Raise InputError if a competition has not the classes 0 to 9, which `what` has."""
    if competition.classes is not None and not set(range(10)) <= set(competition.classes):
        raise InputError(
            f"{what} has the classes 0 to 9, which [competition] classes lacks; give the folder "
            f"of the competition's files with --data."
        )


def _enlarge(images, height, width):
    """Draw images (n, 8, 8) of 0 to 16 as MNIST does: within the middle 20/28 of black images.

    In integers, so that the result is the same on every machine.
    """
    box_height, box_width = max(1, height * 20 // 28), max(1, width * 20 // 28)
    rows, columns = _interpolation(box_height), _interpolation(box_width)
    boxes = rows @ images @ columns.T  # (n, box_height, box_width)
    brightest = 16 * (2 * box_height) * (2 * box_width)
    X = np.zeros((len(images), height, width), np.uint8)
    top, left = (height - box_height) // 2, (width - box_width) // 2
    X[:, top : top + box_height, left : left + box_width] = (
        boxes * 255 + brightest // 2
    ) // brightest
    return X


def _interpolation(n_out, n_in=8):
    """Return the linear interpolation from 8 pixels to `n_out`, times ``2 * n_out``.

    The middle of pixel j lies at ``(j + 1/2) * n_in / n_out - 1/2`` among the old ones.
    """
    whole = 2 * n_out
    middles = (2 * np.arange(n_out) + 1) * n_in - n_out
    lower, part = np.divmod(middles.clip(0, (n_in - 1) * whole), whole)
    weights = np.zeros((n_out, n_in), np.int64)
    np.add.at(weights, (np.arange(n_out), lower), whole - part)
    np.add.at(weights, (np.arange(n_out), np.minimum(lower + 1, n_in - 1)), part)
    return weights
