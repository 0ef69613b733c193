"""Layers used by hand: `forward` and `backward` on plain arrays, without a network."""

from functools import wraps

import numpy as np

from digit_recognizer.nn.arrays.parameters import FlatParameters
from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.interface.representation import Readable


class ByHand(Readable):
    """Lets a layer's `forward` and `backward` do without a memory.

    The layer then keeps one of its own, and arrays given or returned are nobody else's.

    Examples
    --------
    >>> import numpy as np
    >>> from digit_recognizer import nn
    >>> layer = nn.Dense(2)
    >>> layer.initialize((3,), seed=0)
    (2,)
    >>> Y = layer.forward(np.ones((5, 3)))
    >>> dX = layer.backward(np.ones((5, 2)))
    >>> dX.shape, layer.gradients["weight"].shape, layer.gradients["bias"]
    ((5, 3), (3, 2), array([5., 5.], dtype=float32))
    >>> layer.values["weight"] -= 0.1 * layer.gradients["weight"]
    """

    _own = None

    def __init_subclass__(cls):
        super().__init_subclass__()
        for name, by_hand in (("forward", forward_by_hand), ("backward", backward_by_hand)):
            # The base of all layers has none that computes.
            if name in vars(cls) and ByHand not in cls.__bases__:
                setattr(cls, name, by_hand(vars(cls)[name]))

    def initialize(self, input_shape, seed=0, dtype=np.float32) -> tuple[int, ...]:
        """Make the layer ready to be used by hand, with new weights.

        Without it the first `forward` does so.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one sample.
        seed : int or Generator, default=0
            Of the first weights, and of what the layer draws in `forward`.
        dtype : {numpy.float32, numpy.float64}, default=numpy.float32

        Returns
        -------
        tuple of int
            Shape of one sample of the output.
        """
        generator = np.random.default_rng(seed)
        self.output_shape = tuple(self.build(tuple(input_shape)))
        self.parameters = FlatParameters([self.parameter_specs()], dtype)
        self.bind(*self.parameters.layer_views(0))
        self.parameters.initialize(generator)
        self._keep_memory(dtype, generator)
        return self.output_shape

    def _keep_memory(self, dtype, generator):
        """Keep what a network would run for this layer alone, and a memory for it."""
        step, _ = self.step([self], True)
        self._own = step, step.new_memory(np.dtype(dtype), True, generator)

    def _begin(self, X):
        dtype = X.dtype if X.dtype == np.float64 else np.float32
        if hasattr(self, "values"):
            # A network's layer: with that one's weights.
            dtype = next((array.dtype for array in self.values.values()), dtype)
            self._keep_memory(dtype, np.random.default_rng(0))
        else:
            self.initialize(X.shape[1:], dtype=dtype)

    def __getstate__(self):
        # What it has while it is used; a network, or the first `forward`, makes it again.
        used = {"values", "gradients", "parameters", "_own"}
        return {name: value for name, value in self.__dict__.items() if name not in used}


def forward_by_hand(forward):
    """A layer's `forward` that can do without a memory."""

    @wraps(forward)
    def with_or_without_memory(self, X, memory=None):
        if memory is not None:
            return forward(self, X, memory)
        X = X if is_sparse(X) else np.asarray(X)
        if self._own is None:
            self._begin(X)
        step, memory = self._own
        return np.array(step.forward(_fitting(self, "X", X, self.input_shape, memory), memory))

    return with_or_without_memory


def backward_by_hand(backward):
    """A layer's `backward` that can do without a memory."""

    @wraps(backward)
    def with_or_without_memory(self, dY, memory=None, need_dX=True):
        if memory is not None:
            return backward(self, dY, memory, need_dX)
        if self._own is None:
            raise ValueError(f"{self!r} has nothing to go back through: call forward first.")
        step, memory = self._own
        dY = _fitting(self, "dY", np.array(dY), self.output_shape, memory)
        dX = step.backward(dY, memory, need_dX)
        return None if dX is None else np.array(dX)

    return with_or_without_memory


def _fitting(layer, name, array, shape, memory):
    """A batch of samples of that shape, in the memory's dtype."""
    if array.shape[1:] != shape:
        takes = f"(n, {', '.join(map(str, shape))})"
        raise ValueError(f"{layer!r} takes {name} of shape {takes}, got {array.shape}.")
    return array.astype(memory.dtype, copy=False)
