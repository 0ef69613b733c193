"""Activations against their formulas, at their extremes, and in place."""

import numpy as np
import pytest

from digit_recognizer import nn

FORMULAS = {
    "identity": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
}
each_activation = pytest.mark.parametrize("name", nn.ACTIVATIONS)


def train(layer, X, dY, overwrite_input=False):
    """Outputs and input gradients of one training pass."""
    memory = nn.Memory(X.dtype, training=True, overwrite_input=overwrite_input)
    Y = layer.forward(X, memory)
    kept = Y.copy()
    return kept, layer.backward(dY.copy(), memory)


def test_every_activation_has_a_formula_here():
    assert set(FORMULAS) == set(nn.ACTIVATIONS)


@each_activation
def test_output_follows_the_formula(name):
    X = np.linspace(-4, 4, 41).reshape(-1, 1)
    Y = nn.ACTIVATIONS[name]().forward(X, nn.Memory(np.float64))
    np.testing.assert_allclose(Y, FORMULAS[name](X), rtol=1e-13, atol=1e-15)


@each_activation
def test_gradient_equals_finite_differences(name, generator):
    X = generator.standard_normal((7, 5))
    X += 0.01 * np.sign(X)  # off the kinks at 0
    assert nn.check_gradients(nn.ACTIVATIONS[name](), X)["X"] < 1e-6


def test_gradient_of_any_slope_equals_finite_differences(generator):
    X = generator.standard_normal((7, 5))
    for slope in (0.0, 0.3, 1.0):
        assert nn.check_gradients(nn.LeakyReLU(slope), X)["X"] < 1e-6


def test_relu_has_derivative_0_at_0():
    _, dX = train(nn.ReLU(), np.zeros((2, 2)), np.ones((2, 2)))
    np.testing.assert_array_equal(dX, 0)


@pytest.mark.parametrize("slope", [-0.1, 1.5])
def test_leaky_relu_refuses_a_slope_outside_0_to_1(slope):
    with pytest.raises(ValueError, match="slope must be in"):
        nn.LeakyReLU(slope)


@each_activation
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_huge_inputs_give_finite_outputs_and_gradients(name, size, dtype):
    X = np.array([[size, -size, 0.0]], dtype=dtype)
    Y, dX = train(nn.ACTIVATIONS[name](), X.copy(), np.ones_like(X))
    assert Y.dtype == dX.dtype == dtype
    assert np.isfinite(Y).all()
    assert np.isfinite(dX).all()
    expected = {"tanh": [1, -1, 0], "logistic": [1, 0, 0.5]}.get(name)
    if expected:
        np.testing.assert_array_equal(Y[0], np.array(expected, dtype))


@each_activation
def test_input_stays_as_it_was_unless_it_may_be_overwritten(name, generator):
    X = generator.standard_normal((4, 3))
    before = X.copy()
    train(nn.ACTIVATIONS[name](), X, np.ones_like(X))
    np.testing.assert_array_equal(X, before)


@each_activation
def test_in_place_equals_out_of_place(name, generator):
    X, dY = generator.standard_normal((2, 4, 3))
    expected = train(nn.ACTIVATIONS[name](), X.copy(), dY)
    np.testing.assert_array_equal(
        train(nn.ACTIVATIONS[name](), X, dY, overwrite_input=True), expected
    )


@each_activation
def test_prediction_equals_the_training_output(name, generator):
    X = generator.standard_normal((4, 3))
    layer = nn.ACTIVATIONS[name]()
    Y, _ = train(layer, X, np.ones_like(X))
    np.testing.assert_array_equal(layer.forward(X, nn.Memory(np.float64)), Y)
