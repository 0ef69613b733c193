"""An activation from a user's pair of functions."""

from collections.abc import Callable

import numpy as np

from digit_recognizer.nn.layers import Layer


class CustomActivation(Layer):
    """``Y = f(X)`` with ``dX = dY · f'(X)``.

    Parameters
    ----------
    function, derivative : callable
        Each takes an array X and returns a new array of its shape: f(X) and f'(X).

    Examples
    --------
    >>> import numpy as np
    >>> from digit_recognizer.nn import CustomActivation, check_gradients
    >>> sine = CustomActivation(np.sin, np.cos)
    >>> check_gradients(sine, np.linspace(-2, 2, 6).reshape(2, 3))["X"] < 1e-6
    True
    """

    def __init__(self, function: Callable, derivative: Callable):
        self.function = function
        self.derivative = derivative

    def forward(self, X, memory):
        memory.kept = X
        Y = np.asarray(self.function(X), dtype=X.dtype)
        if Y.shape != X.shape or np.shares_memory(X, Y):
            raise ValueError(
                "The activation's function must return a new array of its argument's shape "
                f"{X.shape}, got {Y.shape}."
            )
        return Y

    def backward(self, dY, memory, need_dX=True):
        derivative = np.asarray(self.derivative(memory.kept))
        if derivative.shape != dY.shape or derivative.dtype.kind not in "fiub":
            raise ValueError(
                "The activation's derivative must return real numbers in its argument's shape "
                f"{dY.shape}, got {derivative.dtype} in {derivative.shape}."
            )
        return np.multiply(dY, derivative, out=dY, casting="same_kind")
