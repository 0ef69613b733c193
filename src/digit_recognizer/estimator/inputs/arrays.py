"""Arrays as users give them: scikit-learn's checks, with a remedy where its sentence has none."""

import re

import numpy as np
from sklearn.utils.validation import validate_data

from digit_recognizer.nn.arrays.rows import contiguous

FLOATS = (np.float64, np.float32)
# Images as they are stored: float32 holds each of their values.
PIXELS = (np.uint8, np.int8, np.uint16, np.int16)
# So few rows are predicted in less time than scikit-learn's checks take, some 60 µs.
FEW_ROWS = 64


def accepted_dtypes(estimator) -> tuple:
    """The dtypes in which X stays; others become the first."""
    return FLOATS if estimator.scaling is None else FLOATS + PIXELS


def computing_dtype(X) -> np.dtype:
    """The dtype of a network for X."""
    return np.result_type(X.dtype, np.float32)


def validated(estimator, X, *y, suffix="", **options):
    """scikit-learn's `validate_data`: a sparse X becomes CSR; images are told what to become.

    `suffix` is that of the names X and y have where they came in. With y they are for training:
    rows in C order, and one or several columns of targets.
    """
    if not y and options == {"reset": False} and _are_plain_rows(estimator, X):
        return X
    if y:
        of_training = {"order": "C", "multi_output": True, "dtype": accepted_dtypes(estimator)}
        options = of_training | options
    try:
        checked = validate_data(estimator, X, *y, accept_sparse="csr", **options)
    except ValueError as error:
        sentence = str(error)
        if sentence.startswith("Found array with dim") and np.ndim(X) > 2:
            sentence = f"{sentence} {_how_to_flatten(np.shape(X)[1:])}"
        if suffix:
            sentence, named = re.subn("^Input ([Xy]) ", rf"Input \1{suffix} ", sentence)
            sentence = sentence if named else f"X{suffix} and y{suffix}: {sentence}"
        if sentence == str(error):
            raise
        raise ValueError(sentence) from None
    if y and checked[0].dtype.kind == "b":
        # A frame of sparse booleans keeps its dtype, whatever scikit-learn is asked for.
        checked = checked[0].astype(np.float64), *checked[1:]
    return checked


def _are_plain_rows(estimator, X):
    """Whether scikit-learn's checks would find nothing in a few rows to predict, nor change them.

    Anything else is left to them.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and 0 < len(X) <= FEW_ROWS
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and (X.dtype in PIXELS or (X.dtype in FLOATS and np.isfinite(X).all()))
    )


def _how_to_flatten(shape):
    if len(shape) == 3 and shape[0] < shape[2]:
        rows, shape = "X.transpose(0, 2, 3, 1).reshape(len(X), -1)", (*shape[1:], shape[0])
    else:
        rows = "X.reshape(len(X), -1)"
    if len(shape) > 3:
        return f"Give each sample as a row: {rows}."
    return f"Give each image as a row, {rows}, and its shape as input_shape={shape}."


def narrowed(array, dtype, name):
    """The array in the network's dtype, row by row; itself where it is so already.

    Raises
    ------
    ValueError
        If a value is too large for it.
    """
    check_fits(array, dtype, name)
    return contiguous(array, dtype)


def prepared(X, network, name):
    """Checked X as the network trains on it: what it scales stays as it is.

    Raises
    ------
    ValueError
        If a value is too large for the network's dtype.
    """
    check_fits(X, network.dtype, name)
    return contiguous(X, network.dtype if network.scaling is None else None)


def check_fits(array, dtype, name) -> None:
    """Refuse values that the network's dtype cannot hold."""
    values = array if isinstance(array, np.ndarray) else array.data
    is_wider = values.dtype.kind == "f" and values.dtype.itemsize > np.dtype(dtype).itemsize
    if is_wider and values.size and max(values.max(), -values.min()) > np.finfo(dtype).max:
        raise ValueError(
            f"Input {name} contains infinity or a value too large for {np.dtype(dtype)!r}, in "
            f"which the network computes; scale {name}, or fit on X of float64."
        )
