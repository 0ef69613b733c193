"""What a layer keeps between its forward and its backward pass."""

from collections.abc import Callable, Hashable
from math import prod

import numpy as np


class Memory:
    """Named arrays of one layer in one use of the network, made once and given again.

    A training run holds one memory a layer; each prediction makes its own, so that a fitted
    network may predict in several threads at once.

    Parameters
    ----------
    dtype : dtype
        Of the arrays, unless one asks for another.
    training : bool, default=False
    overwrite_input : bool, default=False
        Whether the layer may compute its output in place of its input.
    generator : numpy.random.Generator or None
        Source of the randomness of layers such as dropout; needed in training only.

    Attributes
    ----------
    shared : Memory
        Images pass a layer in pieces, each with a memory of its own for what the backward pass
        needs. This is the layer's memory for what one piece after the other may use: scratch,
        sums, constants. A memory that has no pieces is its own.
    images : slice
        Which images of the batch a piece holds; of the layer's memory, all of the batch.
    blocks : tuple of int
        (n_blocks, n) of a piece.
    n_padding : int
        Images at the end of the piece's last block that are there to fill it only.
    transient_output, transient_gradient : bool
        Whether what the layer returns may be overwritten when the next piece comes.
    """

    def __init__(self, dtype, training=False, overwrite_input=False, generator=None):
        self.dtype = np.dtype(dtype)
        self.training = training
        self.overwrite_input = overwrite_input
        self.generator = generator
        self.kept = None
        self.shared = self
        self.images = slice(0, 0)
        self.blocks = (0, 0)
        self.n_padding = 0
        self.transient_output = self.transient_gradient = False
        self.pieces: list[Memory] = []
        self._made: dict[Hashable, object] = {}
        self._storage: dict[str, np.ndarray] = {}
        self._views: dict[str, np.ndarray] = {}
        self._constants: dict[tuple, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype=None) -> np.ndarray:
        """An array of `shape` with undefined content: the same storage at each call of `name`.

        The storage grows to the largest shape asked for and never shrinks; a smaller last batch
        is a view of its beginning.
        """
        view = self._views.get(name)
        if view is not None and view.shape == shape:
            return view
        size = prod(shape)
        storage = self._storage.get(name)
        if storage is None or storage.size < size:
            storage = self._storage[name] = np.empty(size, dtype=dtype or self.dtype)
        view = self._views[name] = storage[:size].reshape(shape)
        return view

    def output_array(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array for what the forward pass of a piece returns."""
        return (self.shared if self.transient_output else self).array("output", shape)

    def gradient_array(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array for what the backward pass of a piece returns."""
        return (self.shared if self.transient_gradient else self).array("gradient", shape)

    def once(self, key: Hashable, make: Callable):
        """What `make` returned when `key` was first asked for."""
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = make()
        return made

    def piece(self, index: int) -> "Memory":
        """Memory of one piece of the batch; in prediction all pieces use the same one."""
        index = index if self.training else 0
        while len(self.pieces) <= index:
            piece = Memory(self.dtype, self.training, self.overwrite_input, self.generator)
            piece.shared = self
            piece.transient_output = self.transient_output
            piece.transient_gradient = self.transient_gradient
            self.pieces.append(piece)
        return self.pieces[index]

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
