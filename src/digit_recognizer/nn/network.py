"""A network: a flat list of layers and a loss."""

import copy
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.parameters import FlatParameters
from digit_recognizer.nn.arrays.rows import is_sparse, multipliable
from digit_recognizer.nn.arrays.scaling import Scaling
from digit_recognizer.nn.interface.checks import check_data, check_rows, checked_shape
from digit_recognizer.nn.interface.representation import call_of
from digit_recognizer.nn.interface.summary import INITIALIZERS, Summary
from digit_recognizer.nn.layers import Layer
from digit_recognizer.nn.losses import Loss
from digit_recognizer.nn.plan import TrainingPlan
from digit_recognizer.nn.prediction import predict
from digit_recognizer.nn.rows.stage import training_steps
from digit_recognizer.nn.rows.steps import learns_before, run_backward, run_forward
from digit_recognizer.nn.training import train_epochs

# Attributes that `_bind` makes from the others.
DERIVED = {"steps", "training_steps", "_learns", "kept", "_own", "takes_sparse"}


class Network:
    """Layers applied one after the other, with the loss they are trained for.

    Parameters
    ----------
    layers : sequence of Layer
        Copied: the same list may serve several networks.
    loss : Loss
    input_shape : tuple of int
        Shape of one sample: (n_features,), or (height, width, channels) for images, which may
        also be given as flat rows.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
    seed : int, SeedSequence, Generator or RandomState, default=0
        Of the first weights.
    fuse : bool, default=True
        Whether neighbouring layers that can be computed as one are, and images pass in pieces that
        fit the cache. Without it each layer takes the whole batch, as written.
    scaling : Scaling or None, default=None
        Done to each batch before the first layer, so that X may be of integers all the time.

    Attributes
    ----------
    parameters : FlatParameters
    output_shape : tuple of int
    steps : list of Layer
        What is run one after the other: the layers, those on images together as one step.
    training_steps : list of Layer
        The same in training: layers on rows alone are one step, see `rows`.
    takes_sparse : bool
        Whether a batch of sparse rows stays sparse for the first layer.
    kept : threading.local
        Memory of a thread's small predictions.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        loss: Loss,
        input_shape,
        dtype=np.float32,
        seed=0,
        fuse=True,
        scaling: Scaling | None = None,
    ):
        for number, layer in enumerate(layers, start=1):
            if not isinstance(layer, Layer):
                made = f"; write {layer.__name__}()" if isinstance(layer, type) else ""
                raise ValueError(f"layers: element {number}, {layer!r}, is not a layer{made}.")
        if not len(layers):
            raise ValueError("layers is empty: a network needs one layer at least.")
        if not isinstance(loss, Loss):
            raise ValueError(f"loss must be a loss such as SoftmaxCrossEntropy(), got {loss!r}.")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"A network computes in float32 or float64, got dtype={dtype!r}.")
        self.layers = [copy.deepcopy(layer) for layer in layers]
        self.loss, self.fuse, self.scaling = loss, fuse, scaling
        self.dtype = np.dtype(dtype)
        self.input_shape = shape = checked_shape(input_shape)
        for layer in self.layers:
            shape = layer.output_shape = tuple(layer.build(shape))
        self.output_shape = shape
        specs = [layer.parameter_specs() for layer in self.layers]
        self.parameters = FlatParameters(specs, self.dtype)
        self._bind()
        generator = seed if hasattr(seed, "uniform") else np.random.default_rng(seed)
        self.parameters.initialize(generator)

    def _bind(self):
        for number, layer in enumerate(self.layers):
            layer.bind(*self.parameters.layer_views(number))
            layer.is_first = number == 0
        self.kept = threading.local()
        self._own = None
        self.takes_sparse = vars(type(self.layers[0])).get("takes_sparse", False)
        self.steps, rest = [], self.layers
        while rest:
            step, n_layers = rest[0].step(rest, self.fuse)
            self.steps.append(step)
            rest = rest[n_layers:]
        self.training_steps = training_steps(self.steps, self.fuse)
        # Before the first step that learns nobody needs a gradient.
        self._learns = learns_before(self.training_steps)

    def memories(self, training: bool, generator: np.random.Generator | None = None):
        """Memory for each step and the loss, for one training or one prediction at a time."""
        settings = self.dtype, training, generator
        steps = self.training_steps if training else self.steps
        return [*(step.new_memory(*settings) for step in steps), Memory(*settings)]

    def forward(self, X: np.ndarray, memories: Sequence[Memory] | None = None) -> np.ndarray:
        """Output of the last layer, before the loss's output activation.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n, \\*input_shape)
        memories : sequence of Memory or None, default=None
            Whose arrays hold the output until the next call. None for the network's own, for a
            training step by hand: then the output is a new array.

        Returns
        -------
        Z : ndarray of shape (n, \\*output_shape)
        """
        X = X if is_sparse(X) else np.asarray(X)
        check_rows(X, self.input_shape)
        if memories is not None:
            return self.run(X, memories)
        if self._own is None:
            self._own = self.memories(training=True, generator=np.random.default_rng(0))
        return np.array(self.run(X, self._own))

    def run(self, X, memories):
        """`forward` of rows that are known to fit."""
        X = multipliable(X, self.dtype) if self.scaling is None else self.scaling(X, self.dtype)
        if not is_sparse(X):
            X = X.reshape(len(X), *self.input_shape)
        elif not self.takes_sparse:
            X = X.toarray().reshape(X.shape[0], *self.input_shape)
        steps = self.training_steps if memories[-1].training else self.steps
        output, memories[-1].overwrite_input = run_forward(steps, X, memories)
        return output

    def backward(self, dZ: np.ndarray, memories: Sequence[Memory] | None = None, need_dX=False):
        """Write the parameters' gradients to ``parameters.gradients``, and so to each layer's.

        Parameters
        ----------
        dZ : ndarray of shape (n, \\*output_shape)
            Gradient with respect to what `forward` returned last; may be overwritten where
            memories are given.
        memories : sequence of Memory or None, default=None
            Those of `forward`.
        need_dX : bool, default=False

        Returns
        -------
        dX : ndarray of shape (n, \\*input_shape) or None
        """
        if memories is None:
            if self._own is None:
                raise ValueError("The network has nothing to go back through: call forward first.")
            memories, dZ = self._own, np.array(dZ, self.dtype)
        dZ = run_backward(self.training_steps, self._learns, dZ, memories, need_dX)
        return dZ / self.scaling.scale if need_dX and self.scaling else dZ

    def loss_and_gradients(self, X, y, sample_weight, memories) -> float:
        """Loss of a batch; its gradients go to ``parameters.gradients``.

        Parameters
        ----------
        X, y, sample_weight
            A batch of what `fit_epochs` takes.
        memories : sequence of Memory
            Made with ``training=True``.
        """
        X, y = check_data(self, X, y, sample_weight)
        return self.step_gradients(X, y, sample_weight, memories)

    def step_gradients(self, X, y, sample_weight, memories) -> float:
        """`loss_and_gradients` of arrays that are known to fit."""
        output = self.run(X, memories)
        # The loss writes over Z, which may not be what the last layer keeps, nor the batch itself.
        Z = memories[-1].output(output)
        if Z is not output:
            np.copyto(Z, output)
        loss, dZ = self.loss.loss_and_gradient(Z, y, sample_weight, memories[-1])
        self.backward(dZ, memories)
        return loss

    def train_step(self, X, y, optimizer, learning_rate, sample_weight=None) -> float:
        """One step on one batch by hand: forward, loss, backward, update.

        Takes X, y and weights as `fit_epochs`, and the same optimizer at each step; returns the
        batch's loss before the step.
        """
        Z = self.forward(X)
        loss, dZ = self.loss.loss_and_gradient(Z, y, sample_weight)
        self.backward(dZ)
        optimizer.step(self.parameters, learning_rate)
        return loss

    def fit_epochs(
        self, X, y, plan: TrainingPlan, generator: np.random.Generator, sample_weight=None
    ) -> Iterator[dict]:
        """Train, an epoch at each step of the iterator.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, \\*input_shape)
            Copied once where it is not C-contiguous, or CSR, and of the network's dtype. Within an
            epoch it is not to change.
        y : ndarray
            As the loss takes it.
        plan : TrainingPlan
            Its optimizer and clock go on from where they are.
        generator : numpy.random.Generator, or a seed of one
            Shuffles, and feeds the layers that draw random numbers.
        sample_weight : ndarray of shape (n_samples,) or None

        Yields
        ------
        dict
            ``epoch`` (1 for the first), ``loss`` (mean over the epoch's samples, penalty included),
            ``learning_rate`` of its last step, ``seconds``.

        Raises
        ------
        ValueError
            If the arrays do not fit the network or its loss.
        """
        X, y = check_data(self, X, y, sample_weight)
        return train_epochs(self, X, y, plan, np.random.default_rng(generator), sample_weight)

    def predict(self, X) -> np.ndarray:
        """Predictions: the loss's output activation of the last layer's output.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, \\*input_shape)
            Of any layout and dtype: converted block by block.

        Returns
        -------
        ndarray of shape (n_samples, \\*output_shape)
        """
        return predict(self, X)

    def summary(self) -> Summary:
        """Table of the layers; prints as text and HTML."""
        return Summary(self)

    def __repr__(self):
        layers = ", ".join(call_of(layer, leaving_out=INITIALIZERS) for layer in self.layers)
        return f"Network([{layers}], {self.loss!r}, input_shape={self.input_shape})"

    def __getstate__(self):
        return {name: self.__dict__[name] for name in self.__dict__ if name not in DERIVED}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._bind()
