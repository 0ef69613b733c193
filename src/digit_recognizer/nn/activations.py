"""Activations: element-wise functions between layers, and their derivatives."""

from collections.abc import Callable

import numpy as np

from digit_recognizer.nn.layers import Layer


class Activation(Layer):
    """Base of the activations whose derivative follows from their output: ``dX = dY f'(Y)``."""

    keeps_output = by_rows = True

    def forward(self, X, memory):
        Y = memory.kept = memory.output(X)
        self.apply(X, Y, memory)
        return Y

    def backward(self, dY, memory, need_dX=True):
        self.multiply_by_derivative(memory.kept, dY, memory)
        return dY

    def apply(self, X, Y, memory) -> None:
        """Write f(X) to Y, which may be X."""
        raise NotImplementedError

    def multiply_by_derivative(self, Y, dY, memory) -> None:
        """Multiply dY in place by f' where f gave Y."""
        raise NotImplementedError


class Identity(Layer):
    """``Y = X``."""

    by_rows = True

    def forward(self, X, memory):
        return X

    def backward(self, dY, memory, need_dX=True):
        return dY


class ReLU(Activation):
    """Rectified linear unit, ``Y = max(X, 0)`` (Nair and Hinton, 2010); derivative 0 at 0."""

    def apply(self, X, Y, memory):
        np.maximum(X, memory.constant("zeros", X.shape, 0.0), out=Y)

    def multiply_by_derivative(self, Y, dY, memory):
        positive = np.greater(Y, 0, out=memory.scratch("positive", Y.shape, bool))
        np.multiply(dY, positive, out=dY)


class LeakyReLU(Activation):
    """``Y = max(X, slope X)`` (Maas et al., 2013).

    Parameters
    ----------
    slope : float, default=0.01
        Slope for negative inputs, in [0, 1].
    """

    def __init__(self, slope=0.01):
        if not 0 <= slope <= 1:
            raise ValueError(f"LeakyReLU's slope must be in [0, 1], got {slope!r}.")
        self.slope = slope

    def apply(self, X, Y, memory):
        scaled = np.multiply(X, self.slope, out=memory.scratch("scaled", X.shape))
        np.maximum(X, scaled, out=Y)

    def multiply_by_derivative(self, Y, dY, memory):
        positive = np.greater(Y, 0, out=memory.scratch("positive", Y.shape, bool))
        derivative = memory.scratch("scaled", Y.shape)
        np.multiply(positive, Y.dtype.type(1 - self.slope), out=derivative)
        derivative += self.slope
        np.multiply(dY, derivative, out=dY)


class Tanh(Activation):
    """``Y = tanh X``; derivative 1 − Y²."""

    def apply(self, X, Y, memory):
        np.tanh(X, out=Y)

    def multiply_by_derivative(self, Y, dY, memory):
        derivative = np.multiply(Y, Y, out=memory.scratch("derivative", Y.shape))
        np.subtract(1, derivative, out=derivative)
        np.multiply(dY, derivative, out=dY)


class Logistic(Activation):
    """``Y = 1 / (1 + exp(−X))``; derivative Y (1 − Y)."""

    def apply(self, X, Y, memory):
        logistic(X, Y)

    def multiply_by_derivative(self, Y, dY, memory):
        derivative = np.subtract(1, Y, out=memory.scratch("derivative", Y.shape))
        np.multiply(derivative, Y, out=derivative)
        np.multiply(dY, derivative, out=dY)


class SiLU(Layer):
    """``Y = X σ(X)`` (Elfwing et al., 2018); derivative σ + Y (1 − σ) with σ = σ(X)."""

    by_rows = True

    def forward(self, X, memory):
        sigma = logistic(X, memory.array("sigma", X.shape))
        Y = np.multiply(X, sigma, out=memory.output(X))
        if memory.training:
            derivative = memory.kept = memory.array("derivative", X.shape)
            np.subtract(1, sigma, out=derivative)
            np.multiply(derivative, Y, out=derivative)
            np.add(derivative, sigma, out=derivative)
        return Y

    def backward(self, dY, memory, need_dX=True):
        return np.multiply(dY, memory.kept, out=dY)


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


def logistic(X: np.ndarray, out: np.ndarray) -> np.ndarray:
    """σ(X) = (1 + tanh(X/2)) / 2 into `out`: never overflows, and tanh is vectorized."""
    np.multiply(X, 0.5, out=out)
    np.tanh(out, out=out)
    np.add(out, 1, out=out)
    return np.multiply(out, 0.5, out=out)


ACTIVATIONS = {
    "identity": Identity,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "tanh": Tanh,
    "logistic": Logistic,
    "silu": SiLU,
}
