"""L-BFGS: quasi-Newton steps on all samples at once, through scipy.optimize."""

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from digit_recognizer.estimator.building.weights import weighted_layers
from digit_recognizer.nn.arrays.rows import contiguous

# Rows evaluated at once: the loss and the gradients add up over blocks, and memory stays bounded.
BLOCK_ROWS = 8192


class Objective:
    """Loss of a network on a data set, as a function of its trainable parameters.

    Parameters
    ----------
    network : Network
    X : ndarray or sparse matrix of shape (n_samples, \\*input_shape)
    y : ndarray
        As the network's loss takes it.
    sample_weight : ndarray of shape (n_samples,) or None
    alpha : float
        Penalty ``alpha / (2 Σ weights) Σ w²`` on the weights.
    """

    def __init__(self, network, X, y, sample_weight, alpha):
        self.network = network
        self.X, self.y = contiguous(X, network.dtype if network.scaling is None else None), y
        self.sample_weight = sample_weight
        self.total_weight = X.shape[0] if sample_weight is None else float(sample_weight.sum())
        self.l2 = alpha / self.total_weight if self.total_weight > 0 else 0.0
        self.memories = network.memories(training=True)

    def __call__(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and its gradient (float64, shape (n_trainable,)) at `values`."""
        parameters = self.network.parameters
        parameters.values[: parameters.n_trainable] = values
        loss, gradient = 0.0, None
        for start in range(0, self.X.shape[0], BLOCK_ROWS):
            block_loss, share = self._block(slice(start, start + BLOCK_ROWS))
            loss += share * block_loss
            if share != 1:
                parameters.gradients *= share
            if gradient is None:
                gradient = parameters.gradients.astype(np.float64)
            else:
                gradient += parameters.gradients
        # No further array as large as the parameters: L-BFGS itself holds thirty.
        decayed = parameters.gradients[: parameters.n_decayed]
        np.multiply(values[: parameters.n_decayed], self.l2, out=decayed)
        gradient[: parameters.n_decayed] += decayed
        return loss + self.penalty(values), gradient

    def penalty(self, values: np.ndarray) -> float:
        """The part of the loss at `values` that `alpha` adds."""
        weights = values[: self.network.parameters.n_decayed]
        return 0.5 * self.l2 * float(weights @ weights)

    def _block(self, rows):
        """Loss of a block, and the block's share of the whole weight."""
        X, y = self.X[rows], self.y[rows]
        if self.sample_weight is None:
            weight, share = None, len(y) / self.total_weight
        else:
            weight = self.sample_weight[rows]
            share = float(weight.sum()) / self.total_weight if self.total_weight else 0.0
        return self.network.step_gradients(X, y, weight, self.memories), share


def minimize_lbfgs(
    objective: Objective, max_iter: int, max_fun: int, tol: float, callback=None
) -> OptimizeResult:
    """Train the objective's network.

    Parameters
    ----------
    objective : Objective
    max_iter, max_fun : int
        Most iterations and most evaluations of the loss.
    tol : float
        Stop when no component of the projected gradient is larger.
    callback : callable or None, default=None
        Called after each iteration as ``callback(intermediate_result)``, with its ``fun``.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization"
    (1995).
    """
    parameters = objective.network.parameters
    first = parameters.values[: parameters.n_trainable].astype(np.float64, copy=False)
    options = {"maxiter": max_iter, "maxfun": max_fun, "gtol": tol}
    result = minimize(
        objective, first, method="L-BFGS-B", jac=True, callback=callback, options=options
    )
    parameters.values[: parameters.n_trainable] = result.x
    return result


def packed_loss_and_gradient(estimator, packed, X, y, sample_weight):
    """Loss and gradient with all weights, then all biases, in one vector.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
        Fitted; its weights become those of `packed`.
    packed : ndarray of shape (n_parameters,)
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_outputs)
        Targets, or class indicators.
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    loss : float
    gradient : ndarray of shape (n_parameters,)
    """
    network = estimator._network
    layers = weighted_layers(network)
    start = 0
    for key in ("weight", "bias"):
        for layer in layers:
            view = layer.values[key]
            view[...] = packed[start : start + view.size].reshape(view.shape)
            start += view.size
    if network.loss.output_activation == "softmax":
        y = y.argmax(axis=1)
    objective = Objective(network, X, y, sample_weight, estimator.alpha)
    loss, flat = objective(network.parameters.values[: network.parameters.n_trainable].copy())
    network.parameters.gradients[...] = flat
    gradients = [layer.gradients[key] for key in ("weight", "bias") for layer in layers]
    return loss, np.concatenate([gradient.ravel() for gradient in gradients])
