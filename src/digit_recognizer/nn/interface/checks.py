"""What is said of arguments that do not fit, before anything is computed with them.

Each raises a ValueError that names what does not fit and how to write it.
"""

from math import prod
from numbers import Integral
from operator import index

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse

# Of the sum of a row's probabilities: three that were rounded to two digits are within it.
LARGEST_ERROR = 0.02


def at_least(layer: str, name: str, value: int, least: int) -> int:
    """`value` if it is an integer of at least `least`, or a ValueError that names the layer."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{layer}'s {name} must be an integer of at least {least}, got {value!r}.")
    return int(value)


def checked_shape(input_shape) -> tuple[int, ...]:
    """`input_shape` as a tuple of integers."""
    try:
        shape = tuple(index(size) for size in input_shape)
    except TypeError:
        shape = ()
    if not shape or min(shape) < 1:
        remedy = f"; write ({input_shape},)" if isinstance(input_shape, Integral) else ""
        raise ValueError(
            "input_shape must be (n_features,), or (height, width, channels) for images, got "
            f"{input_shape!r}{remedy}."
        )
    return shape


def check_rows(X, input_shape) -> None:
    """Refuse X whose rows are not of the network's input shape."""
    if len(X.shape) < 2:
        raise ValueError(
            f"Network takes rows, X of shape (n, …), got {X.shape}; X[np.newaxis] is one row, "
            "X[:, np.newaxis] rows of one feature."
        )
    n_features, n_expected = prod(X.shape[1:]), prod(input_shape)
    if n_features != n_expected:
        images = f" (images of {input_shape})" if len(input_shape) > 1 else ""
        raise ValueError(
            f"X has {n_features} features, but Network is expecting {n_expected} features{images} "
            "as input."
        )


def check_data(network, X, y, sample_weight) -> tuple:
    """X and y as arrays (a sparse X stays what it is), if they fit the network and its loss."""
    X, y = X if is_sparse(X) else np.asarray(X), np.asarray(y)
    check_rows(X, network.input_shape)
    n = X.shape[0]
    if n == 0:
        raise ValueError("X has no rows to train on.")
    if len(y) != n:
        raise ValueError(f"X has {n} rows and y {len(y)}: they must be as many.")
    if sample_weight is not None and np.shape(sample_weight) != (n,):
        raise ValueError(
            f"sample_weight must have a number for each row, shape {(n,)}, got "
            f"{np.shape(sample_weight)}."
        )
    network.loss.check_targets(y, network.output_shape)
    return X, y


def check_classes(loss, y, output_shape) -> None:
    """Refuse y that is neither the number of each row's class nor the classes' probabilities."""
    if len(output_shape) != 1:
        raise ValueError(
            "SoftmaxCrossEntropy takes outputs of one dimension, and the network's are of "
            f"shape {output_shape}; end it with a dense layer."
        )
    n_classes = output_shape[0]
    takes = "SoftmaxCrossEntropy takes the number of each row's class"
    if y.shape[1:] == output_shape and (n_classes > 1 or y.dtype.kind == "f"):
        check_numbers(loss, y, output_shape)
        check_sums(y, "y")
        return
    if y.ndim != 1:
        remedy = "; y.ravel() makes it of a column" if y.shape[1:] == (1,) else ""
        raise ValueError(
            f"{takes}, y of shape {(len(y),)}, or the {n_classes} classes' probabilities, of shape "
            f"{(len(y), n_classes)}, got {y.shape}{remedy}."
        )
    if y.dtype.kind not in "biu":
        raise ValueError(
            f"{takes}, an integer, got y of dtype {y.dtype}; "
            "np.unique(y, return_inverse=True)[1] numbers the classes."
        )
    wrong = y[(y < 0) | (y >= n_classes)]
    if len(wrong):
        raise ValueError(
            f"y has the class {wrong[0]}, but the network's {n_classes} outputs are the "
            f"classes 0 to {n_classes - 1}."
        )


def check_sums(probabilities, name) -> None:
    """Refuse rows of probabilities that do not add up to 1."""
    sums = probabilities.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero(abs(sums - 1) > LARGEST_ERROR)
    if len(wrong):
        raise ValueError(
            f"{name} has probabilities that add up to {sums[wrong[0]]:.6g} in row {wrong[0]}; each "
            f"row's must add up to 1: divide by {name}.sum(axis=1, keepdims=True)."
        )


def check_numbers(loss, y, output_shape) -> None:
    """Refuse y that has not a finite number for each output, in the loss's range."""
    name = type(loss).__name__
    if y.shape[1:] != output_shape:
        column = "; y[:, np.newaxis] is one column" if y.ndim == 1 else ""
        raise ValueError(
            f"{name} takes y with a number for each output, of shape "
            f"{(len(y), *output_shape)}, got {y.shape}{column}."
        )
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{name} takes {loss.takes}, got y of dtype {y.dtype}.")
    wrong = ~((y >= loss.lowest) & (y <= loss.highest) & np.isfinite(y))
    if wrong.any():
        raise ValueError(f"{name} takes {loss.takes}, got y with {y[wrong][0]}.")
