"""Exponential moving average of a network's weights."""

import numpy as np

from digit_recognizer.nn.arrays.parameters import FlatParameters, aligned_copy
from digit_recognizer.nn.arrays.pieces import PIECE_BYTES, pieces
from digit_recognizer.nn.interface.representation import Readable


class MovingAverage(Readable):
    """θ̄ ← d θ̄ + (1 − d) θ after each step, with d = min(decay, (1 + t) / (10 + t)).

    The smaller decay of the first steps t lets the average forget the random start quickly.
    Statistics, such as batch normalization's, are averaged with the parameters.

    Parameters
    ----------
    decay : float
        In [0, 1).

    Attributes
    ----------
    values : ndarray of shape (n_values,) or None
        The averaged parameters, in the layout of ``FlatParameters.values``.

    Notes
    -----
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992), in the
    exponential form of Tarvainen and Valpola, "Mean teachers are better role models" (2017).
    """

    def __init__(self, decay):
        self.decay = decay
        self.n_steps = 0
        self.values = None

    def update(self, parameters: FlatParameters) -> None:
        """Take in the parameters after a step."""
        if self.values is None:
            self.resume(parameters.values, n_steps=0)
        t = self.n_steps
        self.n_steps += 1
        share = 1 - min(self.decay, (1 + t) / (10 + t))
        for cut in pieces(len(self.values), self.values.dtype):
            average = self.values[cut]
            difference = self._scratch[: len(average)]
            np.subtract(parameters.values[cut], average, out=difference)
            average += np.multiply(difference, share, out=difference)

    def resume(self, values: np.ndarray, n_steps: int) -> None:
        """Go on from averaged parameters as they were after `n_steps` steps."""
        self.values = aligned_copy(values)
        self._scratch = np.empty_like(self.values[: PIECE_BYTES // self.values.itemsize])
        self.n_steps = n_steps

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.values is not None:
            self.resume(self.values, self.n_steps)
