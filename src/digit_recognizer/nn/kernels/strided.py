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


class KeptViews:
    """The views of one array after the other at the same places, made once for each.

    Parameters
    ----------
    places : list of tuple
        Shape, strides and offset of each view.
    """

    MOST_ARRAYS = 64

    def __init__(self, places):
        self._places = places
        self._made: dict[int, tuple] = {}

    def of(self, array: np.ndarray) -> list[np.ndarray]:
        """The array's views."""
        made = self._made.get(id(array))
        # It holds the array, whose id is nobody else's as long as it does.
        if made is None:
            if len(self._made) == self.MOST_ARRAYS:
                self._made.clear()
            views = [strided_view(array, *place) for place in self._places]
            made = self._made[id(array)] = array, views
        return made[1]


def largest_divisor(number: int, limit: float) -> int:
    """Largest divisor of `number` that is at most `limit`; at least 1."""
    for count in range(1, number + 1):
        if number % count == 0 and number // count <= limit:
            return number // count
    return 1
