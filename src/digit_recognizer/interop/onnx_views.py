"""Predictions by views as a part of an ONNX graph: the views of each image, then their mean."""

from itertools import product

import numpy as np

from digit_recognizer.estimator.building.architecture import shape_of_images
from digit_recognizer.nn import Views


def add_views(graph, rows: str, estimator, views: Views) -> str:
    """Add what makes rows of images their views, image by image; networks that see the same share.

    Parameters
    ----------
    graph : Graph
    rows : str
        The name of what computes rows of shape (n, n_features).
    estimator : NumpyNetClassifier or NumpyNetRegressor
        Fitted.
    views : Views
    """
    shape = shape_of_images(estimator.input_shape, estimator.n_features_in_)
    key = rows, views, shape, float(estimator.background_)
    if key not in graph.views:
        graph.views[key] = _add_views(graph, rows, estimator.background_, *corners(views, shape))
    return graph.views[key]


def _add_views(graph, rows, background, places, weights):
    # The background is one more pixel, at the end.
    around = [graph.constant(np.int64([0, 0, 0, 1])), graph.constant(np.float32(background))]
    rows = graph.node("Pad", [rows, *around])
    parts = []
    for place, weight in zip(places, weights, strict=True):
        pixels = graph.node("Gather", [rows, graph.constant(place)], axis=1)
        parts.append(graph.node("Mul", [pixels, graph.constant(weight)]))
    size = graph.constant(np.int64([-1, places.shape[2]]))
    return graph.node("Reshape", [graph.node("Sum", parts), size])


def corners(views: Views, image_shape) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels each value of a view is interpolated from, bilinearly, and their weights.

    Parameters
    ----------
    views : Views
    image_shape : tuple of int
        (height, width, channels).

    Returns
    -------
    places : ndarray of int32 of shape (4, n_views, n_features)
        `n_features` stands for the background.
    weights : ndarray of float32 of shape (4, n_views, n_features)
    """
    *size, n_channels = image_shape
    size = np.reshape(size, (2, 1))
    middle, grid = (size - 1) / 2, np.indices(image_shape[:2]).reshape(2, -1)
    seen = np.stack(
        [matrix @ (grid - middle) + middle + shift[:, None] for matrix, shift in views.transforms()]
    )  # (n_views, 2, height * width)
    places, weights = [], []
    for corner in product((0, 1), (0, 1)):
        pixel = np.floor(seen) + np.reshape(corner, (2, 1))
        is_inside = ((pixel >= 0) & (pixel < size)).all(axis=1)
        first = (pixel[:, 0] * size[1] + pixel[:, 1]) * n_channels
        place = first[..., None] + np.arange(n_channels)
        place[~is_inside] = grid.shape[1] * n_channels
        places.append(place.reshape(len(seen), -1))
        weights.append(np.repeat((1 - np.abs(seen - pixel)).prod(axis=1), n_channels, axis=1))
    return np.array(places, np.int32), np.array(weights, np.float32)


def add_mean_over_views(graph, Y: str, views: Views, n_outputs: int, output: str | None) -> str:
    """Add the mean over the views of each image of predictions of shape (n * n_views, n_outputs).

    Returns
    -------
    str
        The name of the mean: `output` if it is given.
    """
    shape = graph.constant(np.int64([-1, len(views.transforms()), n_outputs]))
    apart = graph.node("Reshape", [Y, shape])
    return graph.node("ReduceMean", [apart], output, axes=[1], keepdims=0)
