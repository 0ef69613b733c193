"""Batch normalization, and dropout."""

import numpy as np

from digit_recognizer.nn.arrays.parameters import ParameterSpec
from digit_recognizer.nn.arrays.products import column_sums
from digit_recognizer.nn.layers import Layer


class BatchNorm(Layer):
    """Normalize each feature over the batch, then scale and shift it.

    Training:   X̂ = (X − μ) / s,  s = √(σ² + ε),  Y = γ X̂ + β,  with μ, σ² of the batch.
    Prediction: the same with the running mean and variance.
    Backward, with G = dL/dY and means over the batch:
    dγ = Σ G X̂,  dβ = Σ G,  dX = γ/s (G − mean(G) − X̂ mean(G X̂)).

    Parameters
    ----------
    momentum : float, default=0.1
        Share of the newest batch in the running mean and (unbiased) variance.
    epsilon : float, default=1e-5

    Notes
    -----
    Ioffe and Szegedy, "Batch normalization" (2015), algorithms 1 and 2. `momentum` as in PyTorch.
    """

    def __init__(self, momentum=0.1, epsilon=1e-5):
        self.momentum = momentum
        self.epsilon = epsilon

    def parameter_specs(self):
        shape = (self.input_shape[-1],)
        return [
            ParameterSpec("gamma", shape, 1.0, decayed=False),
            ParameterSpec("beta", shape, 0.0, decayed=False),
            ParameterSpec("running_mean", shape, 0.0, decayed=False, trainable=False),
            ParameterSpec("running_variance", shape, 1.0, decayed=False, trainable=False),
        ]

    def forward(self, X, memory):
        # One row for each place of an image: statistics are those of the channels.
        return self._forward(X.reshape(-1, X.shape[-1]), memory).reshape(X.shape)

    def _forward(self, X, memory):
        v = self.values
        if not memory.training:
            scale = v["gamma"] / np.sqrt(v["running_variance"] + self.epsilon)
            Y = np.multiply(X, scale, out=memory.output(X))
            return np.add(Y, v["beta"] - v["running_mean"] * scale, out=Y)

        n = len(X)
        mean = column_sums(X, memory.array("mean", X.shape[1:]), memory)
        mean /= n
        X_hat = np.subtract(X, mean, out=memory.output(X))
        Y = memory.array("Y", X.shape)
        variance = memory.array("variance", X.shape[1:])
        column_sums(np.multiply(X_hat, X_hat, out=Y), variance, memory)
        variance /= n
        self.update_statistics(mean, variance, n)

        deviation = np.sqrt(variance + self.epsilon)
        np.divide(X_hat, deviation, out=X_hat)
        np.multiply(X_hat, v["gamma"], out=Y)
        np.add(Y, v["beta"], out=Y)
        memory.kept = X_hat, deviation
        return Y

    def update_statistics(self, mean, variance, n):
        """Move the running statistics towards those of a batch of n elements a feature."""
        unbiased = variance * (n / max(n - 1, 1))
        for name, value in (("running_mean", mean), ("running_variance", unbiased)):
            running = self.values[name]
            running += self.momentum * (value - running)

    def backward(self, dY, memory, need_dX=True):
        dX = self._backward(dY.reshape(-1, dY.shape[-1]), memory, need_dX)
        return dX if dX is None else dX.reshape(dY.shape)

    def _backward(self, dY, memory, need_dX):
        X_hat, deviation = memory.kept
        n = len(X_hat)
        d_gamma, d_beta = self.gradients["gamma"], self.gradients["beta"]
        product = np.multiply(dY, X_hat, out=memory.array("product", X_hat.shape))
        column_sums(product, d_gamma, memory)
        column_sums(dY, d_beta, memory)
        if not need_dX:
            return None
        np.multiply(X_hat, d_gamma / n, out=product)
        np.subtract(dY, product, out=dY)
        np.subtract(dY, d_beta / n, out=dY)
        return np.multiply(dY, self.values["gamma"] / deviation, out=dY)


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
