"""A fitted network as plain values that the page's script computes with."""

import base64

import numpy as np

from digit_recognizer.errors import InputError
from digit_recognizer.nn import (
    AveragePool2D,
    BatchNorm,
    BinaryCrossEntropy,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Identity,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    ReLU,
    SiLU,
    Tanh,
)


def _convolution(layer):
    settings = {"kernel": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}
    return {"kind": "convolution"} | settings, dict(layer.values)


def _pool(kind):
    def describe(layer):
        return {"kind": kind, "size": layer.size, "stride": layer.stride or layer.size}, {}

    return describe


def _plain(kind):
    return lambda layer: ({"kind": kind}, {})


def _normalization(layer):
    """As an affine map: Y = a X + β − a μ with a = γ / √(σ² + ε), as `BatchNorm` predicts."""
    v = layer.values
    scale = v["gamma"] / np.sqrt(v["running_variance"] + layer.epsilon)
    return {"kind": "affine"}, {"scale": scale, "shift": v["beta"] - v["running_mean"] * scale}


def _scaling(scaling):
    scale = 1 / scaling.scale
    arrays = {"scale": np.array([scale]), "shift": np.array([-scaling.shift * scale])}
    return {"kind": "affine"}, arrays


# What the script calls each layer, its settings, and its arrays; None for what changes nothing.
LAYERS = {
    Conv2D: _convolution,
    Dense: lambda layer: ({"kind": "dense"}, dict(layer.values)),
    MaxPool2D: _pool("max_pool"),
    AveragePool2D: _pool("average_pool"),
    GlobalAveragePool2D: _plain("global_average"),
    BatchNorm: _normalization,
    ReLU: _plain("relu"),
    LeakyReLU: lambda layer: ({"kind": "leaky_relu", "slope": layer.slope}, {}),
    Tanh: _plain("tanh"),
    Logistic: _plain("logistic"),
    SiLU: _plain("silu"),
    Identity: None,
    Flatten: None,
    Dropout: None,
}


def describe_network(network) -> dict:
    """Layers and weights of a network of images, as JSON holds them.

    Parameters
    ----------
    network : Network
        Of a classifier.

    Returns
    -------
    dict
        ``layers``: a dict each, with its ``kind``, settings, and the lengths of its ``arrays``;
        ``weights``: these arrays one after the other, little-endian float32 in base64.

    Raises
    ------
    InputError
        If the page cannot compute a layer.
    """
    described = [] if network.scaling is None else [_scaling(network.scaling)]
    for layer in network.layers:
        try:
            describe = LAYERS[type(layer)]
        except KeyError:
            raise InputError(
                f"The page cannot compute the layer {layer!r}; choose a run whose recipe has the "
                "layers that an architecture is written with."
            ) from None
        if describe is not None:
            described.append(describe(layer))
    output = "binary" if isinstance(network.loss, BinaryCrossEntropy) else "softmax"
    described.append(({"kind": output}, {}))
    flat = np.concatenate([array.ravel() for _, arrays in described for array in arrays.values()])
    return {
        "layers": [
            settings | {"arrays": {name: array.size for name, array in arrays.items()}}
            for settings, arrays in described
        ],
        "weights": base64.b64encode(flat.astype("<f4")).decode(),
    }
