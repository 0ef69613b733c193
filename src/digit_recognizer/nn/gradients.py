"""Gradient checks: a layer's or a network's backward pass against finite differences."""

from collections.abc import Callable

import numpy as np

from digit_recognizer.nn.losses import SquaredError
from digit_recognizer.nn.network import Network


def numerical_gradient(function: Callable[[], float], array: np.ndarray, step=1e-6) -> np.ndarray:
    """Central differences of `function` with respect to each element of `array`.

    Parameters
    ----------
    function : callable
        Takes nothing, reads `array`, returns a float.
    array : ndarray of float64
        Changed element by element and put back.
    step : float, default=1e-6

    Returns
    -------
    ndarray of the array's shape
    """
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        below = function()
        array[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def relative_error(analytic: np.ndarray, numeric: np.ndarray) -> float:
    """Largest difference over the largest magnitude; 0 for empty or all-zero arrays."""
    if analytic.shape != numeric.shape:
        raise ValueError(
            f"The backward pass gives a gradient of shape {analytic.shape} where {numeric.shape} "
            "is needed."
        )
    if not analytic.size:
        return 0.0
    largest = max(np.abs(analytic).max(), np.abs(numeric).max(), 1e-8)
    return float(np.abs(analytic - numeric).max() / largest)


def check_gradients(layer, X: np.ndarray, seed: int = 0, step: float = 1e-6) -> dict[str, float]:
    """Compare a layer's backward pass with finite differences, in float64.

    The loss is ``Σ R · f(X)`` with a fixed random R, so that every output counts; layers that draw
    random numbers draw the same ones at each evaluation.

    Parameters
    ----------
    layer : Layer
        Any layer of one's own; it is copied.
    X : ndarray of shape (n, \\*input_shape)
        Keep it off the points where the layer has no derivative.
    seed : int, default=0
    step : float, default=1e-6

    Returns
    -------
    dict of str to float
        Relative error of the gradient with respect to ``"X"`` and to each parameter by its name.
        A right backward pass stays below 1e-6.

    Examples
    --------
    >>> import numpy as np
    >>> from digit_recognizer.nn import Dense, check_gradients
    >>> X = np.random.default_rng(0).standard_normal((5, 3))
    >>> max(check_gradients(Dense(2), X).values()) < 1e-6
    True
    """
    X = np.array(X, dtype=np.float64)
    network = Network([layer], SquaredError(), X.shape[1:], np.float64, seed)
    layer = network.layers[0]
    # Values off their special first ones (zeros, ones) show errors that those would hide.
    values = network.parameters.values[: network.parameters.n_trainable]
    values += 0.1 * np.random.default_rng(seed + 1).standard_normal(len(values))
    R = np.random.default_rng(seed + 2).standard_normal((len(X), *network.output_shape))

    def forward():
        memories = network.memories(True, np.random.default_rng(seed))
        return network.forward(X, memories), memories

    _, memories = forward()
    dX = network.backward(R.copy(), memories, need_dX=True)
    analytic = {"X": dX, **layer.gradients}
    analytic = {name: np.array(gradient) for name, gradient in analytic.items()}
    arrays = {"X": X, **layer.values}
    return {
        name: relative_error(
            gradient,
            numerical_gradient(lambda: float((R * forward()[0]).sum()), arrays[name], step),
        )
        for name, gradient in analytic.items()
    }


def check_network_gradients(
    network: Network, X, y, sample_weight=None, seed: int = 0, step: float = 1e-6
) -> float:
    """Compare a whole network's gradients, loss included, with finite differences.

    Parameters
    ----------
    network : Network
        Of dtype float64.
    X : ndarray of shape (n, \\*input_shape), float64
    y : ndarray
        As the network's loss takes it.
    sample_weight : ndarray of shape (n,) or None
    seed : int, default=0
        Of layers that draw random numbers.
    step : float, default=1e-6

    Returns
    -------
    float
        Relative error of the flat gradient.

    Raises
    ------
    ValueError
        If the network is not float64: float32 differences are noise.
    """
    if network.dtype != np.float64:
        raise ValueError(f"check_network_gradients needs a float64 network, got {network.dtype}.")

    def loss():
        memories = network.memories(True, np.random.default_rng(seed))
        return network.loss_and_gradients(X, y, sample_weight, memories)

    loss()
    parameters = network.parameters
    analytic = parameters.gradients.copy()
    numeric = numerical_gradient(loss, parameters.values[: parameters.n_trainable], step)
    return relative_error(analytic, numeric)
