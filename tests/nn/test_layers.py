"""Dense and Dropout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer import nn


def drop(rate, X, seed=0):
    memory = nn.Memory(X.dtype, training=True, generator=np.random.default_rng(seed))
    return nn.Dropout(rate).forward(X, memory)


def test_dense_is_an_affine_map(lone_layer, generator):
    layer = lone_layer(nn.Dense(4), (3,))
    layer.values["bias"][...] = generator.standard_normal(4)
    X = generator.standard_normal((5, 3))
    Y = layer.forward(X, nn.Memory(np.float64))
    np.testing.assert_allclose(Y, X @ layer.values["weight"] + layer.values["bias"], rtol=1e-13)


def test_dense_starts_with_zero_biases_unless_told_otherwise(lone_layer):
    assert not lone_layer(nn.Dense(4), (3,)).values["bias"].any()
    he = nn.INITIALIZERS["he_normal"]
    assert lone_layer(nn.Dense(4, bias_initializer=he), (3,)).values["bias"].all()


def test_dense_without_bias_has_a_weight_only(lone_layer, generator):
    layer = lone_layer(nn.Dense(4, bias=False), (3,))
    X = generator.standard_normal((5, 3))
    assert set(layer.values) == set(layer.gradients) == {"weight"}
    Y = layer.forward(X, nn.Memory(np.float64))
    np.testing.assert_allclose(Y, X @ layer.values["weight"], rtol=1e-13)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("n", "n_features", "n_units"), [(1, 1, 1), (1, 4, 3), (6, 1, 5), (9, 5, 1)]
)
def test_dense_gradients_equal_finite_differences(n, n_features, n_units, bias, generator):
    X = generator.standard_normal((n, n_features))
    errors = nn.check_gradients(nn.Dense(n_units, bias=bias), X)
    assert set(errors) == {"X", "weight", "bias"} - (set() if bias else {"bias"})
    assert max(errors.values()) < 1e-6


def test_dense_replaces_the_gradients_of_the_last_batch(lone_layer, generator):
    layer = lone_layer(nn.Dense(4), (3,))
    memory = nn.Memory(np.float64, training=True)
    X, dY = generator.standard_normal((5, 3)), generator.standard_normal((5, 4))
    for _ in range(2):
        layer.forward(X, memory)
        layer.backward(dY.copy(), memory)
    np.testing.assert_allclose(layer.gradients["weight"], X.T @ dY, rtol=1e-12)
    np.testing.assert_allclose(layer.gradients["bias"], dY.sum(axis=0), rtol=1e-12)


def test_dense_gives_no_input_gradient_where_none_is_needed(lone_layer, generator):
    layer = lone_layer(nn.Dense(4), (3,))
    memory = nn.Memory(np.float64, training=True)
    layer.forward(generator.standard_normal((5, 3)), memory)
    assert layer.backward(generator.standard_normal((5, 4)), memory, need_dX=False) is None
    assert layer.gradients["weight"].any()


def test_dense_refuses_images_and_says_what_to_do():
    with pytest.raises(ValueError, match=r"got shape \(8, 8\): flatten"):
        nn.Network([nn.Dense(4)], nn.SquaredError(), (8, 8))


def test_dense_counts_its_multiplications(lone_layer):
    assert lone_layer(nn.Dense(4), (3,)).multiply_adds() == 12
    assert nn.ReLU().multiply_adds() == 0


def test_dropout_zeroes_the_share_it_says_and_scales_the_rest(dtype):
    X = np.full((400, 500), 2, dtype=dtype)
    Y = drop(0.3, X)
    assert Y.dtype == dtype
    assert abs((Y == 0).mean() - 0.3) < 0.005
    np.testing.assert_allclose(Y[Y != 0], 2 / 0.7, rtol=1e-6)


def test_dropout_drops_units_independently():
    dropped = drop(0.5, np.ones((2000, 8))) == 0
    correlations = np.corrcoef(dropped.T) - np.eye(8)
    assert np.abs(correlations).max() < 0.1
    assert np.abs(dropped.mean(axis=0) - 0.5).max() < 0.05


def test_dropout_predicts_with_every_unit(generator):
    X = generator.standard_normal((5, 3))
    assert nn.Dropout(0.5).forward(X, nn.Memory(np.float64)) is X


def test_dropout_draws_anew_for_each_batch_and_the_same_from_the_same_seed():
    X = np.ones((50, 20))
    memory = nn.Memory(np.float64, training=True, generator=np.random.default_rng(0))
    layer = nn.Dropout(0.5)
    first, second = (layer.forward(X, memory).copy() for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(first, drop(0.5, X))


def test_dropout_leaves_a_batch_it_may_not_overwrite_as_it_was():
    X = np.ones((50, 20))
    drop(0.5, X)
    np.testing.assert_array_equal(X, 1)


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.9])
def test_dropout_gradient_equals_finite_differences(rate, generator):
    assert nn.check_gradients(nn.Dropout(rate), generator.standard_normal((7, 5)))["X"] < 1e-6


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2])
def test_dropout_refuses_a_rate_outside_0_to_1(rate):
    with pytest.raises(ValueError, match="rate must be in"):
        nn.Dropout(rate)


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([np.float32, np.float64]),
)
def test_layers_keep_shape_and_dtype_for_any_sizes(lone_layer, n, n_features, n_units, dtype):
    X = np.random.default_rng(0).standard_normal((n, n_features)).astype(dtype)
    activations = [make() for make in nn.ACTIVATIONS.values()]
    for layer in [nn.Dense(n_units), nn.Dropout(0.4), nn.BatchNorm(), *activations]:
        layer = lone_layer(layer, (n_features,), dtype)
        memory = nn.Memory(dtype, training=True, generator=np.random.default_rng(0))
        Y = layer.forward(X.copy(), memory)
        assert Y.shape == (n, n_units if isinstance(layer, nn.Dense) else n_features)
        dX = layer.backward(np.ones_like(Y), memory)
        assert dX.shape == X.shape
        assert Y.dtype == dX.dtype == dtype
        assert np.isfinite(Y).all()
        assert np.isfinite(dX).all()


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_layer_without_a_method_says_which(method):
    class Unfinished(nn.Layer):
        pass

    with pytest.raises(NotImplementedError, match=f"Unfinished has no method {method}"):
        getattr(Unfinished(), method)(np.zeros((1, 1)), None)
