"""The numbers of a network, in one flat array: weights, then biases and norms, then statistics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

CACHE_LINE_BYTES = 64


@dataclass(frozen=True)
class ParameterSpec:
    """What a layer asks for: one array of the flat storage.

    Parameters
    ----------
    name : str
        Name within the layer, such as ``"weight"``.
    shape : tuple of int
    initialize : callable or float
        ``initialize(generator, shape)`` returns the first values (float64); or the first value of
        all.
    decayed : bool, default=True
        Whether weight decay acts on it: true of weights, not of biases and norms.
    trainable : bool, default=True
        False for statistics, such as the running mean of batch normalization: they are saved,
        restored and averaged with the parameters, but have no gradient.
    """

    name: str
    shape: tuple[int, ...]
    initialize: Callable | float
    decayed: bool = True
    trainable: bool = True

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def rank(self) -> int:
        """0 for decayed, 1 for other trainable arrays, 2 for statistics: the order of storage."""
        if not self.trainable:
            return 2
        return 0 if self.decayed else 1


def aligned_zeros(size: int, dtype, make=np.zeros) -> np.ndarray:
    """Zeros of shape (size,) that start on a cache line, which wide vector loads like best."""
    dtype = np.dtype(dtype)
    raw = make(size * dtype.itemsize + CACHE_LINE_BYTES, dtype=np.uint8)
    offset = -raw.ctypes.data % CACHE_LINE_BYTES
    return raw[offset : offset + size * dtype.itemsize].view(dtype)


def aligned_empty(size: int, dtype) -> np.ndarray:
    """The same with undefined content."""
    return aligned_zeros(size, dtype, np.empty)


def aligned_copy(array: np.ndarray) -> np.ndarray:
    """A writable copy of a flat array that starts on a cache line.

    For what was stored: it may come back unaligned, or memory-mapped and read-only.
    """
    copy = aligned_zeros(len(array), array.dtype)
    copy[...] = array
    return copy


class FlatParameters:
    """All parameters of a network and their gradients, each in one flat array.

    One array lets the optimizer run over every parameter in a few large pieces, and makes a
    snapshot, a moving average or a checkpoint a single copy.

    Parameters
    ----------
    specs : sequence of sequence of ParameterSpec
        For each layer what it asks for.
    dtype : {numpy.float32, numpy.float64}

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        Decayed weights first, then the other trainable parameters, then the statistics; each array
        starts on a cache line, and the gaps between arrays hold zeros.
    gradients : ndarray of shape (n_trainable,)
    n_decayed : int
        ``values[:n_decayed]`` are what weight decay acts on.
    n_trainable : int
        ``values[:n_trainable]`` have gradients.
    """

    def __init__(self, specs: Sequence[Sequence[ParameterSpec]], dtype):
        self.dtype = np.dtype(dtype)
        self._specs = [list(layer) for layer in specs]
        self._offsets: dict[tuple[int, str], int] = {}
        ends = self._lay_out()
        self.n_decayed, self.n_trainable, n_values = ends
        self.values = aligned_zeros(n_values, self.dtype)
        self.gradients = aligned_zeros(self.n_trainable, self.dtype)

    def _lay_out(self) -> list[int]:
        offset, ends = 0, []
        for rank in range(3):
            for index, layer in enumerate(self._specs):
                for spec in layer:
                    if spec.rank == rank:
                        self._offsets[index, spec.name] = offset
                        offset += self._n_taken(spec)
            ends.append(offset)
        return ends

    def _n_taken(self, spec):
        """Values that an array takes, the gap after it included."""
        per_line = CACHE_LINE_BYTES // self.dtype.itemsize
        return -(-spec.size // per_line) * per_line

    def initialize(self, generator: np.random.Generator) -> None:
        """Draw the first values, layer by layer, in the order the layers name them."""
        self.values[...] = 0
        for index, layer in enumerate(self._specs):
            for spec in layer:
                first = spec.initialize
                first = first(generator, spec.shape) if callable(first) else first
                self.view(self.values, index, spec)[...] = first

    def view(self, flat: np.ndarray, index: int, spec: ParameterSpec) -> np.ndarray:
        """The part of `flat` (like `values` or `gradients`) that is layer `index`'s `spec`."""
        start = self._offsets[index, spec.name]
        return flat[start : start + spec.size].reshape(spec.shape)

    def layer_views(self, index: int) -> tuple[Mapping, Mapping]:
        """Dictionaries name → array of the values and of the gradients of layer `index`."""
        specs = self._specs[index]
        values = {s.name: self.view(self.values, index, s) for s in specs}
        gradients = {s.name: self.view(self.gradients, index, s) for s in specs if s.trainable}
        return values, gradients

    def hidden_matrices(self) -> list[tuple[slice, tuple[int, int]]]:
        """Decayed arrays of two or more dimensions, of all layers but the last that has any.

        Of each the slice of the flat arrays, the gap after it included, and its shape as a matrix:
        (product of all but the last axis, last axis).
        """
        layers = [
            [
                (slice(start, start + self._n_taken(s)), (s.size // s.shape[-1], s.shape[-1]))
                for s in layer
                if s.rank == 0 and len(s.shape) > 1
                for start in [self._offsets[index, s.name]]
            ]
            for index, layer in enumerate(self._specs)
        ]
        return [matrix for layer in [layer for layer in layers if layer][:-1] for matrix in layer]

    @property
    def n_parameters(self) -> int:
        """The number of trainable parameters, without the gaps."""
        return sum(spec.size for layer in self._specs for spec in layer if spec.trainable)

    @property
    def weights(self) -> np.ndarray:
        """The decayed parameters, a view of shape (n_decayed,)."""
        return self.values[: self.n_decayed]

    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k != "gradients"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.values = aligned_copy(self.values)
        self.gradients = aligned_zeros(self.n_trainable, self.dtype)
