"""Occlusion maps: what part of an image a network's prediction rests on."""

import numpy as np

from digit_recognizer.report.parts.run_files import Missing

# Patches along an axis, and their size as a share of the image's.
N_PLACES, PATCH = 7, 0.25
# Of all maps of a report: more images than that many multiply-adds pay for have none.
MOST_MULTIPLY_ADDS = 40e9
STRONGEST = np.array([[255, 60, 30], [40, 130, 255]], np.float32)


def occlusion_maps(predict, images, labels, background=0):
    """How much the probability of a class falls where a patch of its image is blanked.

    Parameters
    ----------
    predict : callable
        From images of shape (n, height, width, channels) to probabilities (n, n_classes).
    images : ndarray of shape (n, height, width, channels)
    labels : ndarray of int, shape (n,)
        The class of each, as a column of the probabilities.
    background : int, default=0
        What the patch is filled with.

    Returns
    -------
    ndarray of shape (n, height, width), float64
        The mean fall over the patches that cover a pixel; below 0 where the probability rises.

    Notes
    -----
    Zeiler and Fergus, "Visualizing and understanding convolutional networks" (2014), section 4.2.
    """
    n, height, width = images.shape[:3]
    places = [(rows, columns) for rows in _patches(height) for columns in _patches(width)]
    rows_of, everything = np.arange(n), predict(images)
    before = everything[rows_of, labels].astype(np.float64)
    total, count = np.zeros((n, height, width)), np.zeros((height, width))
    for rows, columns in places:
        blanked = images.copy()
        blanked[:, rows, columns] = background
        after = predict(blanked)[rows_of, labels]
        total[:, rows, columns] += (before - after)[:, np.newaxis, np.newaxis]
        count[rows, columns] += 1
    return total / count


def _patches(size):
    """Slices of one length that cover an axis."""
    length = max(1, round(size * PATCH))
    starts = np.unique(np.linspace(0, size - length, N_PLACES).round().astype(int))
    return [slice(int(start), int(start) + length) for start in starts]


def maps(run, positions) -> np.ndarray:
    """Maps of training rows over their images, each by a network that did not train on it.

    Parameters
    ----------
    run : RunFiles
    positions : ndarray of int, shape (n,)
        Among the rows of ``run.out_of_fold``.

    Returns
    -------
    ndarray of uint8, shape (m, height, width, 3)
        Of the first m of the rows: red where the prediction rests on it, blue where blanking helps.

    Raises
    ------
    Missing
        If there are no networks or no images.
    """
    images = run.images(run.X_train[positions])
    background = int(run.data.X_train.min())
    folds = run.out_of_fold.folds[positions]
    n_places = len(_patches(images.shape[1])) * len(_patches(images.shape[2])) + 1
    pictures = {}
    for fold in np.unique(folds):
        predict, multiply_adds = run.predictor(int(fold))
        most = MOST_MULTIPLY_ADDS // (max(multiply_adds, 1) * n_places)
        own = np.flatnonzero((folds == fold) & (np.arange(len(folds)) < most))
        labels = run.predicted[positions[own]]
        for index, falls in zip(
            own, occlusion_maps(predict, images[own], labels, background), strict=True
        ):
            pictures[int(index)] = overlaid(images[index], falls)
    if not pictures:
        raise Missing("The networks are too large to draw occlusion maps in a report.")
    return np.stack([pictures[index] for index in range(len(pictures))])


def overlaid(image, falls) -> np.ndarray:
    """A map over its image, uint8 of shape (height, width, 3)."""
    gray = image.mean(axis=2, keepdims=True, dtype=np.float32) * 0.6
    strength = np.abs(falls) / max(np.abs(falls).max(), 1e-6)
    share = (0.85 * strength.astype(np.float32))[:, :, np.newaxis]
    color = STRONGEST[(falls < 0).astype(int)]
    return np.clip(gray * (1 - share) + color * share, 0, 255).astype(np.uint8)
