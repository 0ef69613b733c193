"""Batch normalization."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer import nn


@pytest.fixture
def batches(generator):
    """Four batches of features with means and sizes of their own."""
    return 3 * generator.standard_normal((4, 12, 5)) + np.arange(5)


def train(layer, X):
    memory = nn.Memory(X.dtype, training=True)
    return layer.forward(X.copy(), memory), memory


def test_training_normalizes_then_scales_and_shifts(lone_layer, batches):
    layer = lone_layer(nn.BatchNorm(), (5,))
    layer.values["gamma"][...] = [1, 2, 3, 4, 5]
    layer.values["beta"][...] = [5, 4, 3, 2, 1]
    X = batches[0]
    Y, _ = train(layer, X)
    expected = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-5)
    np.testing.assert_allclose(Y, expected * [1, 2, 3, 4, 5] + [5, 4, 3, 2, 1], rtol=1e-10)


@pytest.mark.parametrize("momentum", [0.1, 0.5])
def test_statistics_are_running_means_of_the_batches(lone_layer, batches, momentum):
    layer = lone_layer(nn.BatchNorm(momentum=momentum), (5,))
    mean, variance = np.zeros(5), np.ones(5)
    for X in batches:
        train(layer, X)
        mean = (1 - momentum) * mean + momentum * X.mean(axis=0)
        variance = (1 - momentum) * variance + momentum * X.var(axis=0, ddof=1)
    np.testing.assert_allclose(layer.values["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(layer.values["running_variance"], variance, rtol=1e-12)


def test_prediction_uses_the_statistics_and_leaves_them(lone_layer, batches, generator):
    layer = lone_layer(nn.BatchNorm(), (5,))
    for name, array in layer.values.items():
        array[...] = generator.uniform(1, 2, size=5)
        layer.values[name] = array
    before = {name: array.copy() for name, array in layer.values.items()}
    X = batches[0]
    Y = layer.forward(X.copy(), nn.Memory(np.float64))
    normal = (X - before["running_mean"]) / np.sqrt(before["running_variance"] + 1e-5)
    np.testing.assert_allclose(Y, before["gamma"] * normal + before["beta"], rtol=1e-10)
    for name, array in before.items():
        np.testing.assert_array_equal(layer.values[name], array)


@pytest.mark.parametrize(("n", "n_features"), [(2, 1), (3, 4), (20, 2)])
def test_gradients_equal_finite_differences(n, n_features, generator):
    X = 2 * generator.standard_normal((n, n_features)) + 1
    errors = nn.check_gradients(nn.BatchNorm(), X)
    assert set(errors) == {"X", "gamma", "beta"}
    assert max(errors.values()) < 1e-6


def test_gradients_of_constant_features_and_single_rows_are_finite(lone_layer):
    layer = lone_layer(nn.BatchNorm(), (2,))
    layer.values["beta"][...] = [3, 4]
    for X in (np.full((4, 2), 7.0), np.array([[1.0, 2.0]])):
        Y, memory = train(layer, X)
        np.testing.assert_allclose(Y, np.broadcast_to([3, 4], X.shape), atol=1e-10)
        assert np.isfinite(layer.backward(np.ones_like(X), memory)).all()
        assert np.isfinite(layer.values["running_variance"]).all()


def test_a_far_mean_costs_little_precision_in_float32(lone_layer, generator):
    X = generator.standard_normal((200, 3)) + 1000
    exact, _ = train(lone_layer(nn.BatchNorm(), (3,)), X)
    rounded, _ = train(lone_layer(nn.BatchNorm(), (3,), np.float32), X.astype(np.float32))
    np.testing.assert_allclose(rounded, exact, atol=2e-3)


def test_as_the_first_layer_it_gives_no_input_gradient(lone_layer, batches):
    layer = lone_layer(nn.BatchNorm(), (5,))
    _, memory = train(layer, batches[0])
    assert layer.backward(np.ones((12, 5)), memory, need_dX=False) is None
    np.testing.assert_allclose(layer.gradients["beta"], 12)


@given(
    st.integers(1, 8),
    st.integers(1, 6),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([0.0, 1e-3, 1e4]),
)
def test_outputs_are_normal_for_any_shape_and_scale(lone_layer, n, n_features, dtype, scale):
    generator = np.random.default_rng(n)
    X = (scale * generator.standard_normal((n, n_features))).astype(dtype)
    layer = lone_layer(nn.BatchNorm(), (n_features,), dtype)
    Y, _ = train(layer, X)
    assert Y.dtype == dtype
    assert np.isfinite(Y).all()
    assert np.abs(Y.mean(axis=0)).max() < 1e-2
    assert Y.var(axis=0).max() < 1 + 1e-3
