"""Losses beside softmax cross-entropy: binary cross-entropy, squared error, Poisson deviance."""

import numpy as np

from digit_recognizer.nn.activations import logistic
from digit_recognizer.nn.losses import Loss


class BinaryCrossEntropy(Loss):
    """Sigmoid and the binary cross-entropy of each output, summed: binary and multilabel targets.

    P = σ(Z),  Q = (1 − ε) y + ε / 2,  loss = Σₖ log(1 + exp(Zₖ)) − Qₖ Zₖ,  dZ = P − Q.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ε in [0, 1).
    """

    output_activation = "logistic"
    takes, lowest, highest = "numbers from 0 to 1", 0, 1

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def activate(self, Z):
        decay = np.exp(-np.abs(Z))
        np.divide(np.where(Z >= 0, 1, decay), 1 + decay, out=Z)
        # Never quite 1, so that the other class keeps a finite logarithm.
        return np.minimum(Z, np.nextafter(Z.dtype.type(1), Z.dtype.type(0)), out=Z)

    def row_losses(self, Z, y, memory):
        Q = memory.array("Q", Z.shape)
        np.multiply(y, Z.dtype.type(1 - self.label_smoothing), out=Q)
        Q += self.label_smoothing / 2
        losses = np.logaddexp(0, Z, out=memory.array("terms", Z.shape)).sum(axis=1)
        losses -= np.einsum("ij,ij->i", Q, Z)
        P = logistic(Z, out=Z)
        P -= Q
        return losses


class SquaredError(Loss):
    """Identity and half the squared error: loss = ½ Σₖ (Zₖ − yₖ)²,  dZ = Z − y."""

    output_activation = "identity"
    takes = "finite numbers"

    def activate(self, Z):
        return Z

    def row_losses(self, Z, y, memory):
        Z -= y
        return 0.5 * np.einsum("ij,ij->i", Z, Z)


class PoissonDeviance(Loss):
    """Exponential and half the Poisson deviance, for counts and other targets y ≥ 0.

    P = exp(Z),  loss = Σₖ yₖ log(yₖ / Pₖ) − yₖ + Pₖ  (with 0 log 0 = 0),  dZ = P − y.
    """

    output_activation = "exp"
    takes, lowest = "numbers of at least 0", 0

    def activate(self, Z):
        return np.exp(Z, out=Z)

    def row_losses(self, Z, y, memory):
        terms = memory.array("terms", Z.shape)
        np.log(np.maximum(y, np.finfo(Z.dtype).tiny, out=terms), out=terms)
        terms -= Z
        terms -= 1
        terms *= y
        P = np.exp(Z, out=Z)
        terms += P
        P -= y
        return terms.sum(axis=1)
