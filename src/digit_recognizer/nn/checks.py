"""What a network says of arguments that do not fit it, before it computes with them."""

from math import prod
from numbers import Integral
from operator import index

import numpy as np

from digit_recognizer.nn.layers import Layer
from digit_recognizer.nn.losses import Loss
from digit_recognizer.nn.rows import is_sparse


def check_parts(layers, loss) -> None:
    """Refuse what is no list of layers, and what is no loss.

    Raises
    ------
    ValueError
        Naming the element.
    """
    for number, layer in enumerate(layers, start=1):
        if not isinstance(layer, Layer):
            made = f"; write {layer.__name__}()" if isinstance(layer, type) else ""
            raise ValueError(f"layers: element {number}, {layer!r}, is not a layer{made}.")
    if not len(layers):
        raise ValueError("layers is empty: a network needs one layer at least.")
    if not isinstance(loss, Loss):
        raise ValueError(f"loss must be a loss such as SoftmaxCrossEntropy(), got {loss!r}.")


def checked_shape(input_shape) -> tuple[int, ...]:
    """`input_shape` as a tuple of integers.

    Raises
    ------
    ValueError
        If it is none.
    """
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


def checked_dtype(dtype) -> np.dtype:
    """`dtype` as NumPy's.

    Raises
    ------
    ValueError
        If it is none that a network computes in.
    """
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"A network computes in float32 or float64, got dtype={dtype!r}.")
    return np.dtype(dtype)


def as_arrays(X, y) -> tuple:
    """X and y as arrays; a sparse X stays what it is."""
    return X if is_sparse(X) else np.asarray(X), np.asarray(y)


def check_rows(X, input_shape) -> None:
    """Refuse X whose rows are not of the network's input shape.

    Raises
    ------
    ValueError
        Saying what they are and what they should be.
    """
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


def check_data(network, X, y, sample_weight) -> None:
    """Refuse training data that do not fit the network or its loss.

    Raises
    ------
    ValueError
        Saying what does not fit.
    """
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
