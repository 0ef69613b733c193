"""Optimizers: SGD with momentum, Adam, AdamW. L-BFGS, which needs whole-batch steps, is in lbfgs.

An optimizer works through the network's flat arrays in pieces that stay in the processor's second
cache together with their gradients and its own state, so that every pass but the first is a cache
hit. No pass allocates.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from digit_recognizer.nn.parameters import FlatParameters, aligned_copy, aligned_zeros

# Five arrays of this size fit a 1 MB second cache closely enough: Adam on 101,770 float32 takes
# 97 µs at 256 KB, 116 µs at 64 KB (calls dominate), and 535,818 take 528 µs against 555 at 128 KB.
PIECE_BYTES = 256 * 1024


class Piece(NamedTuple):
    """Equally long views of the parameters, the gradients, the optimizer's states and scratch."""

    decayed: bool
    values: np.ndarray
    gradients: np.ndarray
    states: tuple[np.ndarray, ...]
    scratch: np.ndarray


class Optimizer:
    """Base: splits the parameters into pieces and updates each.

    Parameters
    ----------
    weight_decay : float, default=0.0
        Decoupled decay of the weights (not of biases and norms): each step multiplies them by
        ``1 − learning_rate × weight_decay`` (Loshchilov and Hutter, "Decoupled weight decay
        regularization" (2019)).

    Attributes
    ----------
    learning_rate : float
        That of the last step.
    n_steps : int
        Steps taken.
    states : tuple of ndarray of shape (n_trainable,)
    """

    n_states = 0

    def __init__(self, weight_decay=0.0):
        self.weight_decay = weight_decay
        self.learning_rate = 0.0
        self.n_steps = 0
        self.states = None
        self._pieces: list[Piece] = []

    def bind(self, parameters: FlatParameters) -> None:
        """Take the arrays to work on; the state goes on from where it was."""
        n = parameters.n_trainable
        if self.states is None:
            self.states = tuple(aligned_zeros(n, parameters.dtype) for _ in range(self.n_states))
        size = PIECE_BYTES // parameters.dtype.itemsize
        scratch = aligned_zeros(min(size, n), parameters.dtype)
        starts = {*range(0, n, size), parameters.n_decayed} - {n}
        edges = [*sorted(starts), n]
        self._pieces = [
            Piece(
                stop <= parameters.n_decayed,
                parameters.values[start:stop],
                parameters.gradients[start:stop],
                tuple(state[start:stop] for state in self.states),
                scratch[: stop - start],
            )
            for start, stop in pairwise(edges)
        ]

    def resume(self, states, n_steps: int, learning_rate: float) -> None:
        """Go on from where another optimizer was, see the attributes; call it before `bind`."""
        self.states = tuple(aligned_copy(array) for array in states)
        self.n_steps = n_steps
        self.learning_rate = learning_rate

    def step(self, learning_rate: float, l2: float = 0.0) -> None:
        """Update all parameters from their gradients.

        Parameters
        ----------
        learning_rate : float
        l2 : float, default=0.0
            Gradient of a penalty ``l2/2 Σ w²`` on the weights, added to theirs.
        """
        self.n_steps += 1
        self.learning_rate = learning_rate
        coefficients = self._coefficients(learning_rate)
        for piece in self._pieces:
            if piece.decayed:
                self._decay(piece, learning_rate, l2)
            self._update(piece, coefficients)

    def _decay(self, piece, learning_rate, l2):
        if l2:
            np.multiply(piece.values, l2, out=piece.scratch)
            np.add(piece.gradients, piece.scratch, out=piece.gradients)
        if self.weight_decay:
            values = piece.values
            np.multiply(values, 1 - learning_rate * self.weight_decay, out=values)

    def _coefficients(self, learning_rate):
        """Numbers of this step that are the same for all pieces."""
        raise NotImplementedError

    def _update(self, piece, coefficients):
        raise NotImplementedError

    def __getstate__(self):
        return {**self.__dict__, "_pieces": []}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.states is not None:
            self.states = tuple(aligned_copy(array) for array in self.states)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    v ← μ v − η g;  then w ← w + v, or with Nesterov's momentum w ← w + μ v − η g.

    Parameters
    ----------
    momentum : float, default=0.9
        μ in [0, 1].
    nesterov : bool, default=True
    weight_decay : float, default=0.0

    Notes
    -----
    Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013),
    equations 3 and 4, with Nesterov's step in the form of Bengio et al., "Advances in optimizing
    recurrent networks" (2013), equation 7.
    """

    n_states = 1

    def __init__(self, momentum=0.9, nesterov=True, weight_decay=0.0):
        super().__init__(weight_decay)
        self.momentum = momentum
        self.nesterov = nesterov

    def _coefficients(self, learning_rate):
        return learning_rate

    def _update(self, piece, learning_rate):
        _, w, g, (v,), scratch = piece
        np.multiply(g, learning_rate, out=g)
        np.multiply(v, self.momentum, out=v)
        np.subtract(v, g, out=v)
        if not self.nesterov:
            np.add(w, v, out=w)
            return
        np.multiply(v, self.momentum, out=scratch)
        np.subtract(scratch, g, out=scratch)
        np.add(w, scratch, out=w)


class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
    w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε).

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9 and 0.999
    epsilon : float, default=1e-8
    weight_decay : float, default=0.0
        With it, this is AdamW.

    Notes
    -----
    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), in the form at the end of
    its section 2, which is scikit-learn's too. The states hold m / (1 − β₁) and v / (1 − β₂),
    which saves two passes over the parameters.
    """

    n_states = 2

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):
        super().__init__(weight_decay)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _coefficients(self, learning_rate):
        t = self.n_steps
        root = (1 - self.beta_2) ** 0.5
        correction = (1 - self.beta_2**t) ** 0.5 / (1 - self.beta_1**t)
        return learning_rate * correction * (1 - self.beta_1) / root, self.epsilon / root

    def _update(self, piece, coefficients):
        _, w, g, (m, v), scratch = piece
        step_size, epsilon = coefficients
        np.multiply(m, self.beta_1, out=m)
        np.add(m, g, out=m)
        np.multiply(g, g, out=scratch)
        np.multiply(v, self.beta_2, out=v)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, epsilon, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, step_size, out=scratch)
        np.subtract(w, scratch, out=w)


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.01 by default.

    Notes
    -----
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
    """

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.01):
        super().__init__(beta_1, beta_2, epsilon, weight_decay)
