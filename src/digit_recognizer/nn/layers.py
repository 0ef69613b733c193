"""Layers with parameters or randomness: Dense, Dropout. Activations and BatchNorm stand beside.

A layer is built once for an input shape, says which parameters it wants, and then maps a batch
forward and its gradient backward. What it must remember in between lies in the `Memory` it is
given, never in the layer.
"""

from collections.abc import Sequence
from functools import partial, wraps

import numpy as np

from digit_recognizer.nn.initializers import GLOROT_UNIFORM, zeros
from digit_recognizer.nn.memory import Memory
from digit_recognizer.nn.parameters import FlatParameters, ParameterSpec
from digit_recognizer.nn.products import column_sums, product
from digit_recognizer.nn.representation import Readable, at_least
from digit_recognizer.nn.rows import is_sparse

# What a layer has while it is used, and makes again from its arguments or from its network.
IN_USE = {"values", "gradients", "parameters", "_own"}


class Layer(Readable):
    """Base of all layers.

    A layer of one's own has `forward`, `backward` and, where it learns, `parameter_specs`. By hand
    they are called without a memory: the layer then keeps one of its own, and arrays given or
    returned are nobody else's.

    Attributes
    ----------
    keeps_output : bool
        True if `backward` reads the layer's own output: then the next layer must not overwrite it.
    takes_sparse : bool
        True if, as the first layer, it takes a CSR matrix as it is; other layers get a dense array
        of each batch. Not inherited: a subclass that computes with X says so anew.
    input_shape, output_shape : tuple of int
        Shapes of one sample, set when the layer is built.
    values, gradients : dict of str to ndarray
        The parameters by name, and after `backward` the loss's gradient with respect to them: views
        of flat arrays, set by `bind`.

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

    keeps_output = False
    takes_sparse = False
    _own = None

    def __init_subclass__(cls):
        super().__init_subclass__()
        if "forward" in vars(cls):
            cls.forward = forward_by_hand(cls.forward)
        if "backward" in vars(cls):
            cls.backward = backward_by_hand(cls.backward)

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

    def _take_own(self, X):
        """What a network would run for this layer alone, and a memory for it, both kept."""
        dtype = X.dtype if X.dtype == np.float64 else np.float32
        if not hasattr(self, "values"):
            self.initialize(X.shape[1:], dtype=dtype)
        else:
            # A network's layer.
            dtype = next((array.dtype for array in self.values.values()), dtype)
            self._keep_memory(dtype, np.random.default_rng(0))
        return self._own

    def _keep_memory(self, dtype, generator):
        step, _ = self.step([self], True)
        self._own = step, step.new_memory(np.dtype(dtype), True, generator)

    def build(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Take the shape of one input sample and return that of one output sample."""
        self.input_shape = tuple(input_shape)
        return self.input_shape

    def parameter_specs(self) -> list[ParameterSpec]:
        """What the layer wants stored, after `build`."""
        return []

    def bind(self, values: dict, gradients: dict) -> None:
        """Take the views of the network's storage that belong to this layer."""
        self.values = values
        self.gradients = gradients

    @property
    def learns(self) -> bool:
        """Whether it has parameters to train."""
        return any(spec.trainable for spec in self.parameter_specs())

    def step(self, layers: Sequence["Layer"], fuse: bool) -> tuple["Layer", int]:
        """What a network runs for the first of `layers`, this one, and for how many of them.

        A layer on images takes along those that follow, see `images.stage`.
        """
        return self, 1

    def new_memory(self, dtype, training, generator) -> Memory:
        """Memory for one training or one prediction."""
        return Memory(dtype, training, generator)

    def forward(self, X: np.ndarray, memory: Memory) -> np.ndarray:
        """Map a batch of shape (n, \\*input_shape) to the output of shape (n, \\*output_shape).

        The first layer's X is the user's and never to be changed; others may compute in place of X
        where `memory.output(X)` says so.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method forward.")

    def backward(self, dY: np.ndarray, memory: Memory, need_dX: bool = True):
        """Write the parameters' gradients; return the gradient with respect to X, or None.

        May overwrite `dY`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method backward.")

    def multiply_adds(self) -> int:
        """Multiplications with addition of one sample's forward pass."""
        return 0

    def __getstate__(self):
        # The views are bound again by the network: stored, they would no longer be views.
        return {k: v for k, v in self.__dict__.items() if k not in IN_USE}


def forward_by_hand(forward):
    """A layer's `forward` that can do without a memory."""

    @wraps(forward)
    def with_or_without_memory(self, X, memory=None):
        if memory is not None:
            return forward(self, X, memory)
        X = X if is_sparse(X) else np.asarray(X)
        step, memory = self._own or self._take_own(X)
        X = _fitting(self, "X", X, self.input_shape, memory.dtype)
        return np.array(step.forward(X, memory))

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
        dY = _fitting(self, "dY", np.array(dY), self.output_shape, memory.dtype)
        dX = step.backward(dY, memory, need_dX)
        return None if dX is None else np.array(dX)

    return with_or_without_memory


def _fitting(layer, name, array, shape, dtype):
    """A batch of samples of that shape, as `dtype`."""
    if array.shape[1:] != shape:
        raise ValueError(
            f"{layer!r} takes {name} of shape (n, {', '.join(map(str, shape))}), got {array.shape}."
        )
    return array.astype(dtype, copy=False)


class Dense(Layer):
    """Affine map ``Y = X W + b``.

    Parameters
    ----------
    n_units : int
        Number of outputs.
    bias : bool, default=True
    initializer : callable, default=GLOROT_UNIFORM
        ``initializer(generator, shape, fan_in, fan_out)``.
    bias_initializer : callable or None, default=None
        The same for the bias; None for zeros.

    Notes
    -----
    With G = dL/dY: dL/dW = Xᵀ G, dL/db = Σₙ Gₙ, dL/dX = G Wᵀ (Goodfellow et al., "Deep Learning"
    (2016), section 6.5.6). A sparse X is multiplied as it is.
    """

    takes_sparse = True

    def __init__(self, n_units, bias=True, initializer=GLOROT_UNIFORM, bias_initializer=None):
        self.n_units = at_least("Dense", "n_units", n_units, 1)
        self.bias = bias
        self.initializer = initializer
        self.bias_initializer = bias_initializer

    def build(self, input_shape):
        super().build(input_shape)
        if len(self.input_shape) != 1:
            raise ValueError(
                f"Dense takes samples of one dimension, got shape {self.input_shape}: "
                "flatten them first."
            )
        return (self.n_units,)

    def parameter_specs(self):
        fans = {"fan_in": self.input_shape[0], "fan_out": self.n_units}
        shape = (self.input_shape[0], self.n_units)
        specs = [ParameterSpec("weight", shape, partial(self.initializer, **fans))]
        if self.bias:
            first = partial(self.bias_initializer, **fans) if self.bias_initializer else zeros
            specs.append(ParameterSpec("bias", shape[1:], first, decayed=False))
        return specs

    def forward(self, X, memory):
        memory.kept = X
        Y = memory.array("Y", (X.shape[0], self.n_units))
        product(X, self.values["weight"], Y)
        if self.bias:
            np.add(Y, self.values["bias"], out=Y)
        return Y

    def backward(self, dY, memory, need_dX=True):
        X = memory.kept
        product(X.T, dY, self.gradients["weight"])
        if self.bias:
            column_sums(dY, self.gradients["bias"], memory)
        if not need_dX:
            return None
        dX = memory.array("dX", X.shape)
        return product(dY, self.values["weight"].T, dX)

    def multiply_adds(self):
        return self.input_shape[0] * self.n_units


class Dropout(Layer):
    """Zero each input with probability `rate` in training and scale the others by 1/(1 - rate).

    Parameters
    ----------
    rate : float
        In [0, 1).

    Notes
    -----
    Inverted dropout: prediction is the identity. Srivastava et al., "Dropout: a simple way to
    prevent neural networks from overfitting" (2014).
    """

    def __init__(self, rate):
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout's rate must be in [0, 1), got {rate!r}.")
        self.rate = rate

    def forward(self, X, memory):
        if not memory.training:
            return X
        uniform = memory.array("uniform", X.shape, np.float32)
        memory.generator.random(dtype=np.float32, out=uniform)
        kept = memory.array("kept", X.shape, bool)
        np.greater_equal(uniform, np.float32(self.rate), out=kept)
        scale = memory.kept = memory.array("scale", X.shape)
        np.multiply(kept, X.dtype.type(1 / (1 - self.rate)), out=scale)
        return np.multiply(X, scale, out=memory.output(X))

    def backward(self, dY, memory, need_dX=True):
        return np.multiply(dY, memory.kept, out=dY)
