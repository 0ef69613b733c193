"""Layers: what all have in common, and Dense. Activations, BatchNorm and Dropout stand beside.

A layer is built once for an input shape, says which parameters it wants, and then maps a batch
forward and its gradient backward. What it must remember in between lies in the `Memory` it is
given, never in the layer.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from digit_recognizer.nn.arrays.columns import without_zero_columns
from digit_recognizer.nn.arrays.initializers import GLOROT_UNIFORM
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.parameters import ParameterSpec
from digit_recognizer.nn.arrays.products import column_sums, product
from digit_recognizer.nn.by_hand import ByHand
from digit_recognizer.nn.interface.checks import at_least


class Layer(ByHand):
    """Base of all layers.

    A layer of one's own has `forward`, `backward` and, where it learns, `parameter_specs`; without
    a network both are called without a memory (see `by_hand`).

    Attributes
    ----------
    keeps_output : bool
        True if `backward` reads the layer's own output: then the next layer must not overwrite it.
    takes_sparse : bool
        True if, as the first layer, it takes a CSR matrix as it is; other layers get a dense array
        of each batch. Not inherited: a subclass that computes with X says so anew.
    by_rows : bool
        True if a sample's output and gradient depend on no other sample, and nothing is drawn: then
        a batch may be computed in groups, see `rows`.
    is_first : bool
        Whether it is its network's first layer, which X is given to.
    input_shape, output_shape : tuple of int
        Shapes of one sample, set when the layer is built.
    values, gradients : dict of str to ndarray
        The parameters by name, and after `backward` the loss's gradient with respect to them: views
        of flat arrays, set by `bind`.
    """

    keeps_output = False
    takes_sparse = is_first = by_rows = False

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

    def forward(self, X: np.ndarray, memory: Memory | None = None) -> np.ndarray:
        """Map a batch of shape (n, \\*input_shape) to the output of shape (n, \\*output_shape).

        The first layer's X is the user's and never to be changed; others may compute in place of X
        where `memory.output(X)` says so.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method forward.")

    def backward(self, dY: np.ndarray, memory: Memory | None = None, need_dX=True):
        """Write the parameters' gradients; return the gradient with respect to X, or None.

        May overwrite `dY`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method backward.")

    def multiply_adds(self) -> int:
        """Multiplications with addition of one sample's forward pass."""
        return 0


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

    takes_sparse = by_rows = True

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
            first = partial(self.bias_initializer, **fans) if self.bias_initializer else 0.0
            specs.append(ParameterSpec("bias", shape[1:], first, decayed=False))
        return specs

    def forward(self, X, memory):
        X = memory.kept = without_zero_columns(X, self, memory)
        Y = memory.array("Y", (X.shape[0], self.n_units))
        product(X, self.values["weight"], Y, memory.batch_rows(len(Y)))
        if self.bias:
            np.add(Y, self.values["bias"], out=Y)
        return Y

    def backward(self, dY, memory, need_dX=True):
        X = memory.kept
        product(X.T, dY, self.gradients["weight"])
        if self.bias:
            column_sums(dY, self.gradients["bias"], memory)
        return self.input_gradient(dY, memory) if need_dX else None

    def input_gradient(self, dY, memory):
        """dL/dX alone."""
        dX = memory.array("dX", (len(dY), *self.input_shape))
        return product(dY, self.values["weight"].T, dX, memory.batch_rows(len(dY)))

    def multiply_adds(self):
        return self.input_shape[0] * self.n_units
