"""Gradient checks: a layer's or a network's backward pass against finite differences."""

from collections.abc import Callable
from contextlib import contextmanager

import numpy as np

from digit_recognizer.nn.network import Network
from digit_recognizer.nn.optimizers import SGD
from digit_recognizer.nn.other_losses import SquaredError

# Above it a gradient is wrong, and not just inexact.
WRONG = 1e-4


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
    """Largest difference over the largest magnitude; 0 for empty or zero arrays, inf for NaN."""
    if analytic.shape != numeric.shape:
        raise ValueError(
            f"The backward pass gives a gradient of shape {analytic.shape} where {numeric.shape} "
            "is needed."
        )
    if not analytic.size:
        return 0.0
    largest = max(np.abs(analytic).max(), np.abs(numeric).max(), 1e-8)
    error = float(np.abs(analytic - numeric).max() / largest)
    return np.inf if np.isnan(error) else error


def check_gradients(layer, X: np.ndarray, seed: int = 0, step: float = 1e-6) -> dict[str, float]:
    """Compare a layer's backward pass with finite differences, in float64.

    The loss is ``Σ R · f(X)`` with a fixed random R, so that every output counts; layers that draw
    random numbers draw the same ones at each evaluation. Images come in more than one piece, and
    where the gradients are right an optimizer's step must lower the loss by what they say.

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

    Raises
    ------
    ValueError
        If the layer would not train although its formulas are right, saying why: it changes X, puts
        new arrays in place of those of its `values` or `gradients`, gets the gradient of some
        pieces only, or returns another shape than its `build` says.

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
    if any(hasattr(step, "piece_size") for step in network.steps):
        # Two pieces, the second of them with an image that only fills it.
        X = np.concatenate([X] * -(-3 // len(X)))
    # Values off their special first ones (zeros, ones) show errors that those would hide.
    values = network.parameters.values[: network.parameters.n_trainable]
    values += 0.1 * np.random.default_rng(seed + 1).standard_normal(len(values))
    R = np.random.default_rng(seed + 2).standard_normal((len(X), *network.output_shape))

    def forward():
        memories = network.memories(True, np.random.default_rng(seed))
        return network.forward(X, memories), memories

    def loss():
        return float((R * forward()[0]).sum())

    def errors():
        before = X.copy()
        Y, memories = forward()
        if Y.shape != R.shape:
            raise ValueError(
                f"{layer!r} makes samples of shape {Y.shape[1:]} of those of shape {X.shape[1:]}, "
                f"but its build says {R.shape[1:]}: return the right one from build(input_shape)."
            )
        if not np.array_equal(X, before):
            raise ValueError(
                f"{layer!r} changes its input in forward, which is the user's where it is the "
                "first layer; write to memory.output(X)."
            )
        dX = _written(network, lambda: network.backward(R.copy(), memories, need_dX=True))
        analytic = {name: np.array(g) for name, g in {"X": dX, **layer.gradients}.items()}
        arrays = {"X": X, **layer.values}
        return {
            name: relative_error(gradient, numerical_gradient(loss, arrays[name], step))
            for name, gradient in analytic.items()
        }

    with _in_pieces(network, -(-len(X) // 2)):
        result = errors()
        _check_step(network, loss, result, step)
    with _in_pieces(network, len(X)):
        of_one_piece = errors() if max(result.values()) > WRONG else result
    wrong = [name for name in result if result[name] > WRONG >= of_one_piece[name]]
    if wrong:
        raise ValueError(
            f"{layer!r}: the gradient of {' and '.join(wrong)} is right where a batch of images "
            "comes in one piece and wrong where it comes in several, as large batches do: set the "
            "parameters' gradients to 0 in start_backward, add to them in backward, and keep what "
            "backward needs in the memory, not in the layer."
        )
    return result


def check_network_gradients(
    network: Network, X, y, sample_weight=None, seed: int = 0, step: float = 1e-6
) -> float:
    """Compare a whole network's gradients, loss included, with finite differences.

    Images come in more than one piece.

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
        If the network is not float64: float32 differences are noise. If a layer puts new arrays in
        place of those of its `values` or `gradients`, or a step of an optimizer does not lower the
        loss as right gradients say.
    """
    if network.dtype != np.float64:
        raise ValueError(f"check_network_gradients needs a float64 network, got {network.dtype}.")
    parameters = network.parameters
    before = parameters.values.copy()

    def loss():
        memories = network.memories(True, np.random.default_rng(seed))
        return network.loss_and_gradients(X, y, sample_weight, memories)

    with _in_pieces(network, -(-len(X) // 2)):
        _written(network, loss)
        analytic = parameters.gradients.copy()
        numeric = numerical_gradient(loss, parameters.values[: parameters.n_trainable], step)
        error = relative_error(analytic, numeric)
        parameters.gradients[...] = analytic
        _check_step(network, loss, {"parameters": error}, step)
    parameters.values[...] = before
    return error


@contextmanager
def _in_pieces(network, n_images):
    """Let images come in pieces of at most `n_images`, where they may come in pieces at all.

    They are one group: what a layer adds up is added up over all.
    """
    steps = [step for step in network.steps if hasattr(step, "piece_size")]
    before = [(step.piece_size, step.most_groups) for step in steps]
    for step in steps:
        step.piece_size, step.most_groups = max(n_images, 1), 1
    try:
        yield
    finally:
        for step, settings in zip(steps, before, strict=True):
            step.piece_size, step.most_groups = settings


def _written(network, backward):
    """What `backward` returns; the gradients are written over noise, where an optimizer reads."""
    generator = np.random.default_rng(0)
    for layer in network.layers:
        for gradient in layer.gradients.values():
            gradient[...] = generator.standard_normal(gradient.shape)
    result = backward()
    parameters = network.parameters
    for layer in network.layers:
        for kind, flat in (("values", parameters.values), ("gradients", parameters.gradients)):
            for name, array in getattr(layer, kind).items():
                if not np.may_share_memory(array, flat):
                    place = f"self.{kind}[{name!r}]"
                    raise ValueError(
                        f"{layer!r} puts a new array in the place of {place}, which no optimizer "
                        f"sees; write into the one that is there: {place}[...] = …"
                    )
    return result


def _check_step(network, loss, errors, step):
    """See that a step of an optimizer lowers the loss as the gradients say, if they are right."""
    parameters = network.parameters
    norm, before = float(parameters.gradients @ parameters.gradients) ** 0.5, loss()
    # A change that is lost in the loss's digits says nothing.
    if max(errors.values()) > WRONG or step * norm <= 1e-10 * abs(before):
        return
    optimizer = SGD(momentum=0.0, nesterov=False)
    optimizer.step(parameters, step / norm)
    lowered = before - loss()
    if not 0.5 < lowered / (step * norm) < 2:
        raise ValueError(
            f"A step of an optimizer that should lower the loss by {step * norm:.3g} lowers it by "
            f"{lowered:.3g}; each layer must compute with self.values as bind has given them."
        )
