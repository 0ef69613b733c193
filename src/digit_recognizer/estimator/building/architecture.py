"""Architectures as strings: ``"32C3-MP2-BN-R-64C3-BN-R-GAP-128N-R"``.

Tokens are joined by hyphens; each is one layer. The output layer is not named: the targets say it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt, prod

from digit_recognizer.nn import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    ReLU,
    SiLU,
    Tanh,
)
from digit_recognizer.nn.arrays.initializers import HE_NORMAL

NUMBER = r"\d+(?:\.\d+)?"
# What works on images only, and what turns them into rows.
POOLS = (MaxPool2D, AveragePool2D)
IMAGE_LAYERS = (Conv2D, *POOLS, GlobalAveragePool2D, Flatten)
FLATTENING_LAYERS = (GlobalAveragePool2D, Flatten)


@dataclass(frozen=True)
class Token:
    """One kind of token.

    Parameters
    ----------
    pattern : str
        Regular expression of the whole token; its groups are the arguments of `make`.
    example : str
    make : callable
        Returns the layer.
    """

    pattern: str
    example: str
    make: Callable[..., Layer]


def _dense(n_units):
    if int(n_units) == 0:
        raise ValueError("a dense layer needs at least one unit")
    return Dense(int(n_units), initializer=HE_NORMAL)


def _convolution(n_filters, kernel_size, stride, padding):
    return Conv2D(int(n_filters), int(kernel_size), int(stride or 1), int(padding or 0))


def _pool(kind):
    def make(size, stride):
        return kind(int(size), None if stride is None else int(stride))

    return make


TOKENS = [
    Token(r"(\d+)C(\d+)(?:S(\d+))?(?:P(\d+))?", "32C3, 32C5S2P2", _convolution),
    Token(r"MP(\d+)(?:S(\d+))?", "MP2", _pool(MaxPool2D)),
    Token(r"AP(\d+)(?:S(\d+))?", "AP2", _pool(AveragePool2D)),
    Token(r"GAP", "GAP", GlobalAveragePool2D),
    Token(r"(\d+)N", "128N", _dense),
    Token(r"BN", "BN", BatchNorm),
    Token(rf"D({NUMBER})", "D0.4", lambda rate: Dropout(float(rate))),
    Token(r"R", "R", ReLU),
    Token(rf"LR({NUMBER})", "LR0.2", lambda slope: LeakyReLU(float(slope))),
    Token(r"T", "T", Tanh),
    Token(r"SW", "SW", SiLU),
    Token(r"S", "S", Logistic),
]


def parse_architecture(text: str) -> list[Layer]:
    """Layers of an architecture string.

    Parameters
    ----------
    text : str
        Tokens joined by hyphens: ``32C3`` 32 filters of 3×3 (``32C5S2`` stride 2, ``32C3P1``
        padding 1, ``32C5S2P2`` both), ``MP2`` and ``AP2`` max and average pooling (``MP3S2``
        stride 2), ``GAP`` global average pooling, ``128N`` dense, ``BN`` batch normalization,
        ``D0.4`` dropout, ``R`` ReLU, ``LR0.2`` leaky ReLU, ``T`` tanh, ``S`` sigmoid, ``SW`` SiLU.

    Returns
    -------
    list of Layer
        Without bias where batch normalization would take it away; with a Flatten before the first
        dense layer on images.

    Raises
    ------
    ValueError
        Naming the token, its number and its place in the string.

    Examples
    --------
    >>> from digit_recognizer.estimator.building.architecture import parse_architecture
    >>> parse_architecture("64N-R-D0.2")[1:]
    [ReLU(), Dropout(0.2)]
    """
    layers = [
        _parse_token(token, place(text, number))
        for number, token in enumerate(text.split("-"), start=1)
    ]
    _drop_needless_biases(layers)
    return layers


def place(architecture: str | Sequence[Layer], number: int) -> str:
    """Where the `number`-th layer, from 1, stands in an architecture, for an error."""
    if not isinstance(architecture, str):
        return f"architecture: element {number}"
    *before, token = architecture.split("-")[:number]
    start = sum(len(earlier) + 1 for earlier in before)
    return f"architecture {architecture!r}: token {number}, {token!r} at character {start + 1}"


def _parse_token(token, where):
    for kind in TOKENS:
        match = re.fullmatch(kind.pattern, token)
        if match:
            try:
                return kind.make(*match.groups())
            except ValueError as error:
                raise ValueError(f"{where}: {str(error).rstrip('.')}.") from error
    examples = ", ".join(kind.example for kind in TOKENS)
    what = "is empty" if not token else "is not a layer"
    raise ValueError(f"{where}, {what}; tokens are {examples}.")


def _drop_needless_biases(layers):
    """Batch normalization takes away whatever a bias before it, or before a pooling, adds."""
    without_pools = [layer for layer in layers if not isinstance(layer, POOLS)]
    for layer, following in pairwise(without_pools):
        if hasattr(layer, "bias") and isinstance(following, BatchNorm):
            layer.bias = False


def works_on_images(layers: Sequence[Layer]) -> bool:
    """Whether the layers need images rather than rows of features."""
    return any(isinstance(layer, IMAGE_LAYERS) for layer in layers)


def flattened(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, with a Flatten before the first dense one where they come from images."""
    if not works_on_images(layers) or any(isinstance(k, FLATTENING_LAYERS) for k in layers):
        return list(layers)
    first = next((i for i, layer in enumerate(layers) if isinstance(layer, Dense)), len(layers))
    return [*layers[:first], Flatten(), *layers[first:]]


def shape_of_images(input_shape, n_features: int) -> tuple[int, int, int]:
    """(height, width, channels) of images that come as rows of features.

    Parameters
    ----------
    input_shape : sequence of int or None
        None for square images of one channel.
    n_features : int

    Raises
    ------
    ValueError
        If the number of features does not fit.
    """
    if input_shape is None:
        side = isqrt(n_features)
        if side * side != n_features:
            raise ValueError(
                f"Images are expected, but {n_features} features are no square; "
                "give input_shape=(height, width, channels)."
            )
        return side, side, 1
    shape = tuple(int(size) for size in input_shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or min(shape) < 1 or prod(shape) != n_features:
        raise ValueError(
            f"input_shape={tuple(input_shape)} does not fit X with {n_features} features; give "
            "(height, width, channels) whose product is the number of features."
        )
    return shape


def layers_of(architecture: str | Sequence[Layer]) -> list[Layer]:
    """Layers of an architecture that is a string or a list of layers.

    Raises
    ------
    ValueError
        If the string has a wrong token, or an element of the list is not a layer.
    """
    if isinstance(architecture, str):
        return parse_architecture(architecture)
    for number, layer in enumerate(architecture, start=1):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{place(architecture, number)}, {layer!r}, is not a layer; give layers of "
                "digit_recognizer.nn or a string."
            )
    return list(architecture)
