"""Architectures as strings: ``"256N-BN-R-D0.3-128N-R"``.

Tokens are joined by hyphens; each is one layer. The output layer is not named: the targets say it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from digit_recognizer.nn import (
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LeakyReLU,
    Logistic,
    ReLU,
    SiLU,
    Tanh,
)
from digit_recognizer.nn.initializers import HE_NORMAL

NUMBER = r"\d+(?:\.\d+)?"


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


def _dropout(rate):
    return Dropout(float(rate))


def _leaky_relu(slope):
    return LeakyReLU(float(slope))


TOKENS = [
    Token(r"(\d+)N", "128N", _dense),
    Token(r"BN", "BN", BatchNorm),
    Token(rf"D({NUMBER})", "D0.4", _dropout),
    Token(r"R", "R", ReLU),
    Token(rf"LR({NUMBER})", "LR0.2", _leaky_relu),
    Token(r"T", "T", Tanh),
    Token(r"SW", "SW", SiLU),
    Token(r"S", "S", Logistic),
]


def parse_architecture(text: str) -> list[Layer]:
    """Layers of an architecture string.

    Parameters
    ----------
    text : str
        Tokens joined by hyphens: ``128N`` dense, ``BN`` batch normalization, ``D0.4`` dropout,
        ``R`` ReLU, ``LR0.2`` leaky ReLU, ``T`` tanh, ``S`` sigmoid, ``SW`` SiLU.

    Returns
    -------
    list of Layer

    Raises
    ------
    ValueError
        Naming the token, its number and its place in the string.

    Examples
    --------
    >>> from digit_recognizer.estimator.architecture import parse_architecture
    >>> parse_architecture("64N-R-D0.2")[1:]
    [ReLU(), Dropout(0.2)]
    """
    layers, start = [], 0
    for number, token in enumerate(text.split("-"), start=1):
        where = f"architecture {text!r}: token {number}, {token!r} at character {start + 1}"
        layers.append(_parse_token(token, where))
        start += len(token) + 1
    _drop_needless_biases(layers)
    return layers


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
    """Batch normalization takes away whatever a bias just before it adds."""
    for index, layer in enumerate(layers[:-1]):
        if hasattr(layer, "bias") and isinstance(layers[index + 1], BatchNorm):
            layer.bias = False


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
                f"architecture: element {number}, {layer!r}, is not a layer; give layers of "
                "digit_recognizer.nn or a string."
            )
    return list(architecture)
