"""Images to try something on, in one line."""

import numpy as np

from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.sources.sample import sample_arrays
from digit_recognizer.pipeline.sources.source import find_folder


def load_images(folder=None) -> tuple[np.ndarray, np.ndarray]:
    """The competition's training images and their labels; without its files those of the sample.

    Parameters
    ----------
    folder : str, Path or None, default=None
        Folder or archive of the competition's files; None for ``data`` and then a Kaggle notebook's
        input. Nothing is downloaded or written.

    Returns
    -------
    X : ndarray of uint8, shape (n, 784)
        28 × 28 pixels of 0 to 255, row by row.
    y : ndarray of int, shape (n,)

    Raises
    ------
    InputError
        If the files are damaged or wrong.

    Examples
    --------
    >>> from digit_recognizer import load_images
    >>> X, y = load_images()
    >>> X.dtype, X.shape[1], len(X) == len(y)
    (dtype('uint8'), 784, True)
    """
    folder = find_folder(folder)
    if folder is None:
        X, y, _, _ = sample_arrays(DIGIT_RECOGNIZER)
        return X, y
    data = load_data(folder)
    return data.X_train, data.y_train
