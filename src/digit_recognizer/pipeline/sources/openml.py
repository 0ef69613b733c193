"""The MNIST images from OpenML in the competition's layout."""

from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.model_selection import train_test_split

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.pipeline.sources.competition_files import competition_files, write_files
from digit_recognizer.pipeline.sources.sample import check_digits

# The competition's share: 42,000 of the 70,000 images.
_TRAIN_SHARE = 0.6


def write_openml(folder, competition):
    """Download MNIST and write it as the competition's files, and the labels of its test images.

    Which images are for training is drawn by class, and always the same. Nothing is downloaded
    if the files are there.

    Parameters
    ----------
    folder : str or Path
    competition : Competition

    Raises
    ------
    InputError
        If the competition's images are not gray ones of 28 by 28 with the classes 0 to 9, or a file
        cannot be written.
    OutsideError
        If the download fails.
    """
    if competition.image_shape != (28, 28, 1):
        raise InputError(
            "OpenML's MNIST has gray images of 28 x 28 pixels, [competition] has other ones; give "
            "the folder of the competition's files with --data."
        )
    check_digits(competition, "OpenML's MNIST")
    if all((Path(folder) / name).is_file() for name in competition.files):
        return
    X, y = _fetch()
    train, test = train_test_split(
        np.arange(len(X)), train_size=_TRAIN_SHARE, stratify=y, random_state=0
    )
    files = competition_files(competition, X[train], y[train], X[test], y[test])
    write_files(folder, files)


def _fetch():
    try:
        X, y = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    except (OSError, ValueError) as error:
        # ValueError: what scikit-learn makes of OpenML's refusals.
        raise OutsideError(
            f"MNIST could not be downloaded from OpenML ({error}); try again later or put the "
            f"competition's files into a folder and give it with --data."
        ) from error
    return X.astype(np.uint8), y.astype(np.int64)
