"""max_gradient_norm."""

import numpy as np
import pytest

from digit_recognizer import NumpyNetRegressor, nn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("max_norm", [0.05, 0.3])
def test_steps_are_those_of_gradients_scaled_down_by_hand(diabetes, max_norm):
    X, y = diabetes
    common = {"hidden_layer_sizes": (7,), "activation": "tanh", "batch_size": len(X)}
    common |= {"shuffle": False, "random_state": 0, "alpha": 0.0, "solver": "sgd", "momentum": 0}
    start = NumpyNetRegressor(**common, learning_rate_init=1e-15, max_iter=1).fit(X, y)
    options = {"max_gradient_norm": max_norm, "learning_rate_init": 0.1, "max_iter": 6}
    reg = NumpyNetRegressor(**common, **options).fit(X, y)

    layers = [nn.Dense(7), nn.Tanh(), nn.Dense(1)]
    network = nn.Network(layers, nn.SquaredError(), X.shape[1:], np.float64)
    for layer, weight, bias in zip(
        network.layers[::2], start.coefs_, start.intercepts_, strict=True
    ):
        layer.values["weight"][...], layer.values["bias"][...] = weight, bias
    parameters, memories = network.parameters, network.memories(training=True)
    norms = []
    for _ in range(6):
        network.loss_and_gradients(X, y[:, np.newaxis], None, memories)
        norms.append(np.linalg.norm(parameters.gradients))
        step = parameters.gradients * min(1, max_norm / norms[-1])
        parameters.values[: parameters.n_trainable] -= 0.1 * step
    assert norms[0] > max_norm
    for layer, weight, bias in zip(network.layers[::2], reg.coefs_, reg.intercepts_, strict=True):
        np.testing.assert_allclose(weight, layer.values["weight"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(bias, layer.values["bias"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_a_norm_that_is_never_reached_changes_no_byte(both, solver, assert_same_model):
    make, X, y = both
    options = {"solver": solver, "max_iter": 4, "random_state": 0, "batch_size": 32}
    clipped = make(max_gradient_norm=1e9, **options).fit(X, y)
    assert_same_model(clipped, make(**options).fit(X, y))


def test_a_step_is_no_longer_than_rate_times_norm(both):
    make, X, y = both
    options = {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.5, "alpha": 0.0}
    model = make(max_gradient_norm=0.01, batch_size=len(X), max_iter=5, random_state=0, **options)
    places = []
    for _ in model.fit_epochs(X, 100 * y):
        places.append(np.concatenate([a.ravel() for a in model.coefs_ + model.intercepts_]))
    lengths = np.linalg.norm(np.diff(places, axis=0), axis=1)
    np.testing.assert_allclose(lengths, 0.5 * 0.01, rtol=1e-6)


def test_it_tames_a_training_that_would_overflow(diabetes):
    X, y = diabetes
    options = {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 20, "random_state": 0}
    reg = NumpyNetRegressor(max_gradient_norm=1.0, **options).fit(100 * X, 100 * y)
    assert np.isfinite(reg.loss_)
    with (
        pytest.raises(ValueError, match="non-finite parameter weights"),
        np.errstate(all="ignore"),
    ):
        NumpyNetRegressor(**options).fit(100 * X, 100 * y)


@pytest.mark.parametrize("wrong", [0, -1.0, "1"])
def test_a_wrong_norm_is_named(both, wrong):
    make, X, y = both
    with pytest.raises(ValueError, match="The 'max_gradient_norm' parameter"):
        make(max_gradient_norm=wrong).fit(X, y)
