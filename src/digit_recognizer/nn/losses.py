"""Output heads: an output activation together with the loss it is the natural partner of.

For each pair (softmax and cross-entropy, sigmoid and binary cross-entropy, identity and squared
error, exponential and Poisson deviance) the gradient with respect to the head's input Z is
``prediction − target`` (Bishop, "Pattern Recognition and Machine Learning" (2006), section 4.3.6).

Every loss is the weighted mean over samples of the sum over outputs.
"""

import numpy as np

from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.interface.checks import check_classes, check_numbers
from digit_recognizer.nn.interface.representation import Readable


class Loss(Readable):
    """Base of the heads.

    Attributes
    ----------
    output_activation : str
        Its name in scikit-learn's vocabulary.
    """

    output_activation: str
    # What targets are, a number for each output, and their range; None takes any.
    takes: str | None = None
    lowest, highest = -np.inf, np.inf

    def activate(self, Z: np.ndarray) -> np.ndarray:
        """Predictions from the last layer's output Z of shape (n, n_outputs), in place."""
        raise NotImplementedError

    def loss_and_gradient(self, Z, y, sample_weight=None, memory: Memory | None = None):
        """Loss of a batch and its gradient with respect to Z.

        Parameters
        ----------
        Z : ndarray of shape (n, n_outputs)
            What the last layer returned.
        y : ndarray
            Targets: for softmax class indices of shape (n,) or probabilities of shape
            (n, n_outputs), else shape (n, n_outputs).
        sample_weight : ndarray of shape (n,) or None
        memory : Memory or None, default=None
            With one, y is taken as known to fit and the gradient is written over Z.

        Returns
        -------
        loss : float
        dZ : ndarray of shape (n, n_outputs)

        Raises
        ------
        ValueError
            If y does not fit, where no memory is given.
        """
        if memory is None:
            Z, y = np.array(Z), np.asarray(y)
            Z = Z if Z.dtype.kind == "f" else Z.astype(np.float64)
            self.check_targets(y, Z.shape[1:])
            if len(y) != len(Z):
                raise ValueError(f"Z has {len(Z)} rows and y {len(y)}: they must be as many.")
            memory = Memory(Z.dtype)
        losses = self.row_losses(Z, y, memory)
        if sample_weight is None:
            Z *= 1 / len(losses)
            return float(np.add.reduce(losses)) / len(losses), Z
        total = np.sum(sample_weight)
        if total == 0:
            Z[...] = 0
            return 0.0, Z
        share = np.divide(sample_weight, total, out=memory.array("share", losses.shape))
        Z *= share[:, np.newaxis]
        return float(losses @ share), Z

    def row_losses(self, Z, y, memory: Memory) -> np.ndarray:
        """Loss of each row, of shape (n,); writes its gradient with respect to Z over Z."""
        raise NotImplementedError

    def check_targets(self, y: np.ndarray, output_shape: tuple[int, ...]) -> None:
        """Refuse targets of a shape or of values that are none for the loss.

        Parameters
        ----------
        y : ndarray of shape (n, …)
        output_shape : tuple of int
            Of the network.

        Raises
        ------
        ValueError
            Saying what y must be.
        """
        if self.takes is not None:
            check_numbers(self, y, output_shape)


def softmax_cross_entropy(Z, y, label_smoothing=0.0) -> tuple[np.ndarray, np.ndarray]:
    """Losses of the rows and their gradient, as the equations of `SoftmaxCrossEntropy` say.

    Parameters
    ----------
    Z : ndarray of shape (n, n_classes)
    y : ndarray of int of shape (n,), or of float of shape (n, n_classes)
        Classes, or their probabilities.
    label_smoothing : float, default=0.0

    Returns
    -------
    losses : ndarray of shape (n,)
    dZ : ndarray of shape (n, n_classes)
    """
    n_classes = Z.shape[1]
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    T = np.eye(n_classes)[y] if y.ndim == 1 else y
    Y = (1 - label_smoothing) * T + label_smoothing / n_classes
    return -(Y * np.log(P)).sum(axis=1), P - Y


class SoftmaxCrossEntropy(Loss):
    """Softmax and the cross-entropy to smoothed targets: classes, or probabilities of classes.

    P = softmax(Z),  Y = (1 − ε) T + ε / K,  loss = −Σₖ Yₖ log Pₖ,  dZ = P − Y, where T is onehot(y)
    or y itself: soft targets, such as another network's predictions (Hinton, Vinyals and Dean,
    "Distilling the knowledge in a neural network" (2015)).

    `softmax_cross_entropy` is these equations; here they are computed in place.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ε in [0, 1) (Szegedy et al., "Rethinking the Inception architecture" (2016), section 7).
    """

    output_activation = "softmax"
    takes, lowest, highest = "probabilities, numbers from 0 to 1", 0, 1

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def check_targets(self, y, output_shape):
        check_classes(self, y, output_shape)

    def activate(self, Z):
        Z -= Z.max(axis=1, keepdims=True)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=1, keepdims=True)
        return Z

    def row_losses(self, Z, y, memory):
        # As `softmax_cross_entropy`, without an array for Y.
        is_soft = y.ndim == 2
        if is_soft:
            T = y.astype(Z.dtype, copy=False)
        else:
            true = memory.indices(len(Z)), y.astype(np.intp, copy=False)
        smoothing, share = self.label_smoothing, self.label_smoothing / Z.shape[1]
        Z -= Z.max(axis=1, keepdims=True)
        losses = (np.einsum("ij,ij->i", T, Z) if is_soft else Z[true]) * (smoothing - 1)
        if smoothing:
            losses -= share * Z.sum(axis=1)
        P = np.exp(Z, out=Z)
        sums = P.sum(axis=1, keepdims=True)
        losses += np.log(sums[:, 0])
        P /= sums
        if smoothing:
            P -= share
        if is_soft:
            P -= np.multiply(T, 1 - smoothing, out=memory.array("T", Z.shape))
        else:
            P[true] -= 1 - smoothing
        return losses
