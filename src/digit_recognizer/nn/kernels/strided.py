"""The one place that makes strided views, and that checks that they stay inside their array."""

import numpy as np


def strided_view(array: np.ndarray, shape, strides, offset: int = 0) -> np.ndarray:
    """View of a contiguous array with any shape and strides; overlapping elements are allowed.

    Parameters
    ----------
    array : ndarray
        C-contiguous.
    shape : tuple of int
    strides : tuple of int
        In elements.
    offset : int, default=0
        Of the first element, in elements.

    Returns
    -------
    ndarray of shape `shape`

    Raises
    ------
    ValueError
        If the array is not C-contiguous, or the view would reach outside of it.
    """
    if not array.flags.c_contiguous:
        raise ValueError(f"A strided view needs a contiguous array, got strides {array.strides}.")
    size = array.itemsize
    try:
        # NumPy checks each corner of the view against the buffer, which `as_strided` does not.
        return np.ndarray(
            shape, array.dtype, array, offset * size, [stride * size for stride in strides]
        )
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"A view of shape {tuple(shape)}, strides {tuple(strides)} and offset {offset} does "
            f"not fit an array of shape {array.shape}."
        ) from error


def largest_divisor(number: int, limit: float) -> int:
    """Largest divisor of `number` that is at most `limit`; at least 1."""
    for count in range(1, number + 1):
        if number % count == 0 and number // count <= limit:
            return number // count
    return 1
