"""Inside a network: the filters of its first layer, and what the layers make of one image."""

import numpy as np

from digit_recognizer.nn import Conv2D, Dense, Network
from digit_recognizer.report.parts.sprites import picture

MOST_FILTERS, MOST_MAPS, MOST_LAYERS = 64, 16, 8
GAP = 3


def section(run, pictures):
    """Pictures of filters and feature maps of the first fold's network."""
    fold = int(run.out_of_fold.folds.min()) if run.members else 1
    estimator = run.estimator_of(fold)
    network = estimator._network
    of_label = run.out_of_fold.probabilities[np.arange(len(run.y)), run.y]
    of_fold = np.where(run.out_of_fold.folds == fold, of_label, np.inf)
    position = int(of_fold.argmin())
    row, label = int(run.out_of_fold.rows[position]), run.out_of_fold.labels[position]
    maps = [
        (picture(tiled(values)), f"{name}: {len(values)} of {n} channels, {height} × {width}")
        for name, values, n, height, width in feature_maps(network, run, position)
    ]
    return {
        "filters": _filters(network, run.image_shape),
        "tile": pictures.train.tile(position, f"training image {row}, labelled {label}"),
        "row": row,
        "label": label,
        "maps": maps,
        "summary": estimator.summary(),
    }


def _filters(network, image_shape):
    """The first layer's weights as a picture and what it shows; None if they are no images."""
    first = next((layer for layer in network.layers if "weight" in layer.values), None)
    weight = first.values["weight"] if first is not None else None
    if isinstance(first, Conv2D):
        weight = weight.transpose(3, 0, 1, 2)
        kind = f"{weight.shape[1]} × {weight.shape[2]} filters"
    elif isinstance(first, Dense) and len(weight) == np.prod(image_shape):
        weight = weight.T.reshape(-1, *image_shape)
        kind = "units, each by its weights"
    else:
        return None
    shown = weight[:MOST_FILTERS]
    if shown.shape[3] not in (1, 3):
        shown = shown[:, :, :, :1]
    limit = np.abs(shown).max(axis=(1, 2, 3), keepdims=True) + 1e-12
    values = np.rint(127.5 + 127.5 * shown / limit).astype(np.uint8)
    text = f"{len(shown)} of the {len(weight)} {kind} of the first layer"
    return picture(tiled(values)), text


def feature_maps(network, run, position):
    """What each layer that ends a step on images makes of a training image.

    Yields
    ------
    name : str
    values : ndarray of uint8, shape (n_shown, height, width, 1)
        Of the strongest channels; each from its least value, black, to its greatest.
    n, height, width : int
    """
    ends = [
        index
        for index, layer in enumerate(network.layers)
        if len(layer.output_shape) == 3
        and layer.output_shape[0] > 1
        # Activations and pools end what a reader takes for a step; they learn nothing.
        and not layer.values
    ] or [i for i, layer in enumerate(network.layers) if len(layer.output_shape) == 3]
    X = run.X_train[position : position + 1]
    for index in ends[:MOST_LAYERS]:
        values = output_of(network, index, X)[0]
        height, width, n = values.shape
        strongest = np.argsort(-values.std(axis=(0, 1)), kind="stable")[:MOST_MAPS]
        shown = values[:, :, np.sort(strongest)].transpose(2, 0, 1)
        low = shown.min(axis=(1, 2), keepdims=True)
        high = shown.max(axis=(1, 2), keepdims=True)
        gray = np.rint(255 * (shown - low) / np.maximum(high - low, 1e-12)).astype(np.uint8)
        name = f"After layer {index + 1}, {type(network.layers[index]).__name__}"
        yield name, gray[:, :, :, np.newaxis], n, height, width


def output_of(network: Network, index: int, X) -> np.ndarray:
    """The output of a layer for rows of X, in prediction."""
    part = Network.__new__(Network)
    layers = network.layers[: index + 1]
    part.__setstate__(network.__getstate__() | {"layers": layers})
    part.output_shape = layers[-1].output_shape
    try:
        return np.array(part.forward(X, part.memories(training=False)))
    finally:
        # The layers are the network's own, and bound by it again.
        network.__setstate__(network.__getstate__())


def tiled(values) -> np.ndarray:
    """Small pictures of shape (n, height, width, channels) as one, sixteen in a row."""
    n, height, width, channels = values.shape
    factor = max(1, round(48 / max(height, width)))
    values = values.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = height * factor, width * factor
    columns = min(n, 16)
    rows = -(-n // columns)
    sheet = np.full((rows * (height + GAP), columns * (width + GAP), channels), 255, np.uint8)
    for number, one in enumerate(values):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = one
    return sheet[:-GAP, :-GAP]
