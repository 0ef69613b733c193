"""An unfitted estimator that is given `coefs_`, `intercepts_` and other fitted attributes."""

import copy
from math import prod

import numpy as np
from sklearn.exceptions import NotFittedError

from digit_recognizer.estimator.building import construction
from digit_recognizer.estimator.building.architecture import works_on_images
from digit_recognizer.nn import (
    BinaryCrossEntropy,
    PoissonDeviance,
    SoftmaxCrossEntropy,
    SquaredError,
)

LOSSES = {
    loss.output_activation: loss
    for loss in (SquaredError, PoissonDeviance, BinaryCrossEntropy, SoftmaxCrossEntropy)
}


def complete(estimator) -> None:
    """Make the network of the weights, and the fitted attributes that are not set.

    As in scikit-learn the weights say the sizes, whatever `hidden_layer_sizes` is.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
        With `coefs_` and `intercepts_`, and without a network.

    Raises
    ------
    ValueError
        Naming the attribute that does not fit the others.
    NotFittedError
        Naming the attribute that is missing.
    """
    arrays = _check_arrays(estimator)
    estimator.n_outputs_ = estimator.coefs_[-1].shape[-1]
    sized = with_sizes_of_weights(estimator)
    if not hasattr(sized, "n_features_in_"):
        sized.n_features_in_ = _n_features(sized)
    for name, value in (("background_", 0.0), ("input_shift_", 0.0), ("input_scale_", 1.0)):
        if not hasattr(sized, name):
            setattr(sized, name, value)
    sized._complete_targets()
    if not hasattr(sized, "out_activation_"):
        sized.out_activation_ = sized._make_loss().output_activation
    # One of scikit-learn's, if the attributes were copied from there.
    sized.__dict__.pop("_optimizer", None)
    dtype = np.result_type(*arrays)
    sized._restore_network(dtype if dtype == np.float32 else np.dtype(np.float64))
    _take_up(estimator, sized)


def go_on(estimator, n_features: int, dtype) -> None:
    """Make the network in which training goes on from the weights; raises as `complete`."""
    _check_arrays(estimator)
    sized = with_sizes_of_weights(estimator)
    sized._initialize(n_features, dtype)
    _take_up(estimator, sized)


def _take_up(estimator, sized):
    vars(estimator).update(vars(sized) | {"hidden_layer_sizes": estimator.hidden_layer_sizes})
    estimator._layers_made_of = construction.layer_parameters(estimator)


def with_sizes_of_weights(estimator):
    """A shallow copy whose `hidden_layer_sizes` are those of `coefs_`, if it goes by sizes."""
    sized = copy.copy(estimator)
    sizes = [array.shape[-1] for array in estimator.coefs_[:-1]]
    given = construction.hidden_sizes(estimator.hidden_layer_sizes)
    if estimator.architecture is None and given != sizes:
        sized.hidden_layer_sizes = tuple(sizes)
    return sized


def loss_of(estimator):
    """The loss whose output activation is `out_activation_`."""
    loss = estimator._make_loss()
    if estimator.out_activation_ == loss.output_activation:
        return loss
    if estimator.out_activation_ not in LOSSES:
        raise ValueError(
            f"out_activation_ is {estimator.out_activation_!r}; set one of {', '.join(LOSSES)}."
        )
    return LOSSES[estimator.out_activation_]()


def _check_arrays(estimator):
    estimator.coefs_ = [np.asarray(array) for array in estimator.coefs_]
    estimator.intercepts_ = [np.asarray(array) for array in estimator.intercepts_]
    arrays = estimator.coefs_ + estimator.intercepts_
    if not estimator.coefs_ or len(arrays) != 2 * len(estimator.coefs_):
        raise ValueError(
            f"coefs_ has {len(estimator.coefs_)} arrays and intercepts_ "
            f"{len(estimator.intercepts_)}; set one of each for every layer with weights."
        )
    if any(array.ndim == 0 or array.dtype.kind not in "iuf" for array in arrays):
        raise ValueError("coefs_ and intercepts_ must be lists of arrays of numbers, one a layer.")
    return arrays


def _n_features(estimator):
    if not works_on_images(construction.make_layers(estimator, estimator.n_outputs_)):
        return estimator.coefs_[0].shape[0]
    if estimator.input_shape is None:
        raise NotFittedError("n_features_in_ is missing; set it, or give input_shape.")
    return prod(estimator.input_shape)
