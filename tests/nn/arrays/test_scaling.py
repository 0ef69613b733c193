"""Scaling: what a network does to its input first."""

import numpy as np
import pytest
from scipy import sparse

from digit_recognizer.nn import (
    SGD,
    Augment,
    Augmenter,
    Constant,
    Conv2D,
    Dense,
    Flatten,
    Network,
    ReLU,
    Scaling,
    SoftmaxCrossEntropy,
    SquaredError,
    TrainingPlan,
)
from digit_recognizer.nn.arrays import scaling as scaling_module
from digit_recognizer.nn.testing.gradients import numerical_gradient, relative_error

PIXELS = np.random.default_rng(0).integers(0, 200, (60, 36), dtype=np.uint8)


def test_standard_scaling_gives_mean_0_and_deviation_1():
    scaled = Scaling.fit(PIXELS, "standard")(PIXELS, np.float32)
    assert scaled.dtype == np.float32
    assert abs(scaled.mean()) < 1e-6
    assert abs(scaled.std() - 1) < 1e-6


@pytest.mark.parametrize("name", ["standard", "unit"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_sparse_rows_are_scaled_as_dense_ones(name, dtype):
    X = (PIXELS * (PIXELS > 150)).astype(dtype)
    dense, stored = Scaling.fit(X, name), Scaling.fit(sparse.csr_array(X), name)
    assert dense == stored
    np.testing.assert_array_equal(stored(sparse.csr_array(X), np.float64), dense(X, np.float64))


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (np.array([[0, 16]], np.uint8), (0, 255)),
        (np.array([[0, 16]], np.uint16), (0, 65535)),
        (np.array([[3, 16]], np.int64), (3, 13)),
        (np.array([[-1.0, 1.0]]), (-1, 2)),
        (np.array([[5.0, 5.0]]), (5, 1)),
    ],
)
def test_unit_scaling_maps_the_range_of_pixels_or_else_of_the_values_to_0_and_1(X, expected):
    scaling = Scaling.fit(X, "unit")
    assert (scaling.shift, scaling.scale) == expected


def test_scaling_images_that_are_all_the_same_stays_finite():
    X = np.full((3, 4), 7, np.uint8)
    assert (Scaling.fit(X, "standard")(X, np.float32) == 0).all()


@pytest.mark.parametrize("name", ["standard", "unit"])
def test_a_weight_counts_rows(name):
    X, weight = PIXELS[:6].astype(float), np.array([0, 2, 1, 0, 1, 3])
    weighted = Scaling.fit(X, name, weight)
    repeated = Scaling.fit(np.repeat(X, weight, axis=0), name)
    np.testing.assert_allclose(
        (weighted.shift, weighted.scale), (repeated.shift, repeated.scale), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["standard", "unit"])
def test_what_is_measured_block_by_block_is_that_of_all_rows(name, monkeypatch):
    X, weight = PIXELS.astype(float), np.arange(60) % 3
    whole = Scaling.fit(X, name, weight)
    monkeypatch.setattr(scaling_module, "BLOCK_VALUES", 7 * X.shape[1])
    blocks = Scaling.fit(X, name, weight)
    np.testing.assert_allclose((blocks.shift, blocks.scale), (whole.shift, whole.scale))


def test_values_too_large_to_measure_are_refused():
    with pytest.raises(ValueError, match="divide X by a number"):
        Scaling.fit(np.array([[1e308, -1e308]]), "standard")


def make_network(scaling, shape=(6, 6, 1), dtype=np.float32):
    layers = [Conv2D(3, 3), ReLU(), Flatten(), Dense(4)]
    return Network(layers, SoftmaxCrossEntropy(), shape, dtype, seed=1, scaling=scaling)


@pytest.mark.parametrize("deform", [False, True])
def test_a_network_trains_and_predicts_on_pixels_as_on_what_they_are_scaled_to(deform):
    scaling, y = Scaling.fit(PIXELS, "standard"), np.arange(60) % 4
    losses, predictions = [], []
    for X, network in (
        (PIXELS, make_network(scaling)),
        (scaling(PIXELS, np.float32), make_network(None)),
    ):
        augment = Augment(rotation=20, shift=1) if deform else None
        if deform:
            augment = Augmenter(augment, (6, 6, 1), np.float32, fill=float(X.min()))
        plan = TrainingPlan(SGD(), Constant(0.05), batch_size=16, n_epochs=3, augment=augment)
        losses.append([record["loss"] for record in network.fit_epochs(X, y, plan, 0)])
        predictions.append(network.predict(X))
    np.testing.assert_allclose(*losses, rtol=1e-4)
    np.testing.assert_allclose(*predictions, atol=1e-4)
    assert PIXELS.max() > 100


def test_the_gradient_with_respect_to_the_input_is_that_of_the_pixels():
    layers = [Dense(3), ReLU(), Dense(2)]
    scaling = Scaling(100.0, 50.0)
    network = Network(layers, SquaredError(), (36,), np.float64, seed=0, scaling=scaling)
    X, R = PIXELS[:5].astype(float), np.random.default_rng(1).standard_normal((5, 2))
    memories = network.memories(training=True)

    def loss():
        return float((R * network.forward(X, memories)).sum())

    loss()
    dX = network.backward(R.copy(), memories, need_dX=True)
    assert relative_error(dX, numerical_gradient(loss, X, step=1e-3)) < 1e-6
