"""Pooling, and the ways out of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer import nn
from digit_recognizer.nn.kernels import reference


def run(layer, X, dY=None):
    network = nn.Network([layer], nn.SquaredError(), X.shape[1:], X.dtype)
    memories = network.memories(training=True)
    Y = network.forward(X, memories).copy()
    dY = np.random.default_rng(3).standard_normal(Y.shape).astype(X.dtype) if dY is None else dY
    return Y, network.backward(dY.copy(), memories, need_dX=True), dY


@st.composite
def pools(draw):
    size = draw(st.integers(1, 4))
    shape = (draw(st.integers(size, size + 6)), draw(st.integers(size, size + 6)), 2)
    stride = draw(st.sampled_from([None, 1, 2, 3, 5]))
    return size, stride, (draw(st.sampled_from([1, 3, 17])), *shape)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(pools(), st.sampled_from([np.float32, np.float64]))
def test_max_pooling_equals_the_reference_also_for_equal_elements(case, dtype):
    size, stride, shape = case
    # Few different values: windows have several largest elements.
    X = np.random.default_rng(0).integers(-1, 2, shape).astype(dtype)
    Y, dX, dY = run(nn.MaxPool2D(size, stride), X)
    np.testing.assert_array_equal(Y, reference.max_pool(X, size, stride or size))
    expected = reference.max_pool_backward(X, dY, size, stride or size)
    np.testing.assert_allclose(dX, expected, rtol=0, atol=1e-10 if dtype == np.float64 else 1e-5)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(pools())
def test_average_pooling_equals_the_reference(case):
    size, stride, shape = case
    X = np.random.default_rng(0).standard_normal(shape)
    Y, dX, dY = run(nn.AveragePool2D(size, stride), X)
    np.testing.assert_allclose(Y, reference.average_pool(X, size, stride or size), atol=1e-12)
    expected = reference.average_pool_backward(X, dY, size, stride or size)
    np.testing.assert_allclose(dX, expected, atol=1e-12)


@pytest.mark.parametrize("n", [1, 3, 17])
@pytest.mark.parametrize(
    "layer",
    [
        nn.MaxPool2D(2),
        nn.MaxPool2D(3, 2),
        nn.MaxPool2D(2, 3),
        nn.AveragePool2D(2),
        nn.AveragePool2D(3, 1),
        nn.GlobalAveragePool2D(),
        nn.Flatten(),
    ],
    ids=repr,
)
def test_gradients_equal_finite_differences(layer, n, generator):
    X = generator.standard_normal((n, 5, 6, 2))
    assert nn.check_gradients(layer, X)["X"] < 1e-6


def test_flatten_lets_channels_run_fastest(generator):
    X = generator.standard_normal((19, 3, 4, 2))
    Y, dX, dY = run(nn.Flatten(), X)
    np.testing.assert_array_equal(Y, X.reshape(19, 24))
    np.testing.assert_array_equal(dX, dY.reshape(X.shape))


def test_flatten_passes_rows_as_they_are(generator):
    X = generator.standard_normal((5, 4))
    Y, dX, dY = run(nn.Flatten(), X)
    np.testing.assert_array_equal(Y, X)
    np.testing.assert_array_equal(dX, dY)


def test_global_average_pooling_is_the_mean_over_the_image(generator):
    X = generator.standard_normal((19, 3, 4, 2))
    Y, dX, dY = run(nn.GlobalAveragePool2D(), X)
    np.testing.assert_allclose(Y, X.mean(axis=(1, 2)), atol=1e-12)
    np.testing.assert_allclose(dX, np.broadcast_to(dY[:, None, None] / 12, X.shape), atol=1e-12)
