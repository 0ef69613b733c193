"""Test-time augmentation: predictions averaged over shifted and turned views of each image."""

import threading
from dataclasses import dataclass
from math import inf
from numbers import Real

import numpy as np

from digit_recognizer.nn.arrays.sharing import share_rows
from digit_recognizer.nn.images.augmentation import Augment, Augmenter
from digit_recognizer.nn.network import Network
from digit_recognizer.nn.prediction import IMAGE_ROWS, predict


@dataclass(frozen=True)
class Views:
    """Which views of an image its prediction is the mean of.

    Parameters
    ----------
    shift : float, default=0.0
        Pixels. With it, each image is seen as it is and moved by so much up, down, left and right.
    rotation : float, default=0.0
        Degrees. With it, each of these is seen as it is and turned by so much either way.

    Notes
    -----
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
    networks" (2012), section 4.1, average over shifted and mirrored patches in the same way.
    """

    shift: float = 0.0
    rotation: float = 0.0

    def __post_init__(self):
        for name in ("shift", "rotation"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= value < inf:
                raise ValueError(f"views: {name} must be at least 0 and finite, got {value!r}.")

    def transforms(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """A matrix of shape (2, 2) and a shift of shape (2,), on (y, x), for each view.

        The first is the image as it is.
        """
        steps = [(0, 0)]
        if self.shift:
            steps += [(-1, 0), (1, 0), (0, -1), (0, 1)]
        angles = np.deg2rad([0, -self.rotation, self.rotation] if self.rotation else [0])
        return [
            (
                np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]),
                np.array(step) * float(self.shift),
            )
            for angle in angles
            for step in steps
        ]


def predict_views(network: Network, X, views: Views, image_shape, fill: float) -> np.ndarray:
    """Mean over the views of a network's predictions for images.

    Parameters
    ----------
    network : Network
    X : ndarray or CSR matrix of n images, in any shape (n, …) with their pixels
    views : Views
    image_shape : tuple of int
        (height, width, channels).
    fill : float
        What lies outside the images.

    Returns
    -------
    ndarray of shape (n, \\*network.output_shape), of the network's dtype
    """
    augmenter = Augmenter(Augment(), image_shape, network.dtype, fill)
    transforms = views.transforms()
    total = np.zeros((X.shape[0], *network.output_shape), dtype=network.dtype)

    kept = threading.local()

    def predict_rows(rows):
        block = X[rows] if isinstance(X, np.ndarray) else X[rows].toarray()
        for matrix, shift in transforms:
            seen = block.astype(network.dtype, order="C")
            n = len(seen)
            matrices, shifts = np.broadcast_to(matrix, (n, 2, 2)), np.broadcast_to(shift, (n, 2))
            augmenter.warp(seen, matrices, shifts)
            total[rows] += predict(network, seen, kept=kept)

    share_rows(predict_rows, [total], IMAGE_ROWS, network, len(transforms))
    total /= len(transforms)
    return total
