"""What a layer keeps between its forward and its backward pass."""

from collections.abc import Hashable
from math import prod

import numpy as np

from digit_recognizer.nn.arrays.parameters import aligned_empty


class Memory:
    """Named arrays of one layer in one use of the network, made once and given again.

    A training run holds one memory a layer; each prediction makes its own, so that a fitted
    network may predict in several threads at once.

    Parameters
    ----------
    dtype : dtype
        Of the arrays, unless one asks for another.
    training : bool, default=False
    generator : numpy.random.Generator or None
        Source of the randomness of layers such as dropout; needed in training only.
    overwrite_input : bool, default=False
        Whether the layer may compute its output in place of its input.

    Attributes
    ----------
    kept : object
        What `forward` leaves for `backward`.
    is_whole : bool
        Whether it is for whole batches, not for a group of rows.
    course : Course or None
        Of the first layer's, in a training: what is trained, how and on what.
    """

    is_whole, course = True, None
    # Batches of many sizes shall not fill the memory with views.
    MOST_VIEWS = 256

    def __init__(self, dtype, training=False, generator=None, overwrite_input=False):
        self.dtype = np.dtype(dtype)
        self.training = training
        self.generator = generator
        self.overwrite_input = overwrite_input
        self.kept = None
        self._storage: dict[Hashable, np.ndarray] = {}
        self._views: dict[Hashable, np.ndarray] = {}
        self._constants: dict[tuple, np.ndarray] = {}

    def array(self, name: Hashable, shape: tuple[int, ...], dtype=None) -> np.ndarray:
        """An array of `shape` with undefined content: the same storage at each call of `name`.

        The storage grows to the largest shape asked for and never shrinks; a smaller last batch
        is a view of its beginning. A shape has the same object, until the storage grows.
        """
        view = self._views.get((name, shape))
        if view is not None:
            return view
        if len(self._views) == self.MOST_VIEWS:
            self._views.clear()
        size = prod(shape)
        storage = self._storage.get(name)
        if storage is None or storage.size < size:
            storage = self._storage[name] = self.empty(size, dtype or self.dtype)
            self._views = {key: view for key, view in self._views.items() if key[0] != name}
        view = self._views[name, shape] = storage[:size].reshape(shape)
        return view

    def close(self) -> None:
        """End what was started for it."""

    def batch_rows(self, n_rows: int) -> int:
        """Rows of the batch that so many are of."""
        return n_rows

    def empty(self, size: int, dtype) -> np.ndarray:
        """A new array of shape (size,) with undefined content."""
        return aligned_empty(size, dtype)

    def scratch(self, name: Hashable, shape: tuple[int, ...], dtype=None) -> np.ndarray:
        """An `array` that need not last longer than the call it is asked for in."""
        return self.array(name, shape, dtype)

    def constant(self, name: str, shape: tuple[int, ...], value: float) -> np.ndarray:
        """An array filled with `value` once; the caller does not write to it.

        NumPy's two-array loops are vectorized where its array-scalar loops are not:
        ``np.maximum`` takes 0.10 ns an element with an array and 0.37 with a scalar.
        """
        view = self._constants.get((name, shape))
        if view is None:
            view = self._constants[name, shape] = np.full(shape, value, dtype=self.dtype)
        return view

    def indices(self, n: int) -> np.ndarray:
        """0 … n − 1, of shape (n,) and dtype intp; the caller does not write to it."""
        view = self._constants.get(("indices", (n,)))
        if view is None:
            view = self._constants["indices", (n,)] = np.arange(n)
        return view

    def output(self, X: np.ndarray) -> np.ndarray:
        """Where a layer with output shape equal to its input's writes: in place if it may."""
        return X if self.overwrite_input else self.array("output", X.shape)
