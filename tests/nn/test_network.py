"""The network as a whole: prediction, copies, seeds, shapes."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from digit_recognizer import nn
from digit_recognizer.nn import prediction


def deep(n_outputs=3, n_units=6):
    return [
        nn.Dense(n_units),
        nn.BatchNorm(),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Dense(n_units),
        nn.SiLU(),
        nn.Dense(n_outputs),
    ]


@pytest.fixture
def network(dtype, generator):
    network = nn.Network(deep(), nn.SoftmaxCrossEntropy(), (5,), dtype)
    norm = network.layers[1].values
    norm["running_mean"][...] = generator.standard_normal(6)
    norm["running_variance"][...] = generator.uniform(1, 2, 6)
    return network


@pytest.fixture
def X(dtype, generator):
    return generator.standard_normal((50, 5)).astype(dtype)


def test_prediction_is_the_layers_one_after_the_other(generator):
    network = nn.Network([nn.Dense(4), nn.Tanh(), nn.Dense(2)], nn.SquaredError(), (3,), np.float64)
    X = generator.standard_normal((5, 3))
    first, _, last = (layer.values for layer in network.layers)
    hidden = np.tanh(X @ first["weight"] + first["bias"])
    np.testing.assert_allclose(
        network.predict(X), hidden @ last["weight"] + last["bias"], rtol=1e-12
    )


def test_prediction_in_blocks_equals_prediction_at_once(network, X, monkeypatch):
    whole = network.predict(X)
    monkeypatch.setattr(prediction, "PREDICTION_ROWS", 7)
    np.testing.assert_allclose(network.predict(X), whole, rtol=1e-5)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_sparse_rows_predict_as_dense_ones(network, X, monkeypatch, make):
    monkeypatch.setattr(prediction, "PREDICTION_ROWS", 20)
    monkeypatch.setattr(prediction, "SPARSE_PREDICTION_ROWS", 30)
    X[X < 0.5] = 0
    np.testing.assert_allclose(network.predict(make(X)), network.predict(X), rtol=1e-5)


def test_predictions_have_the_dtype_of_the_network(network, X, dtype):
    assert network.predict(X.astype(np.float64)).dtype == dtype
    assert network.predict(X.astype(np.float32)).dtype == dtype


def test_prediction_does_not_depend_on_the_other_rows(network, X):
    alone = np.vstack([network.predict(row[np.newaxis]) for row in X])
    np.testing.assert_allclose(network.predict(X), alone, rtol=1e-5)


def test_predictions_from_several_threads_equal_those_from_one(generator):
    network = nn.Network(deep(n_units=200), nn.SoftmaxCrossEntropy(), (50,))
    parts = generator.standard_normal((16, 1500, 50), dtype=np.float32)
    expected = [network.predict(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for actual, one in zip(pool.map(network.predict, parts), expected, strict=True):
            np.testing.assert_array_equal(actual, one)


@pytest.mark.parametrize(
    "first", [*(make() for make in nn.ACTIVATIONS.values()), nn.Dropout(0.5), nn.BatchNorm()]
)
@pytest.mark.parametrize("rest", [[], [nn.ReLU()], [nn.Dense(5), nn.Tanh()]])
def test_neither_prediction_nor_training_changes_the_data(first, rest, X, dtype):
    network = nn.Network([first, *rest], nn.SoftmaxCrossEntropy(), (5,), dtype)
    before = X.copy()
    network.predict(X)
    memories = network.memories(training=True, generator=np.random.default_rng(0))
    network.loss_and_gradients(X, np.zeros(len(X), int), None, memories)
    np.testing.assert_array_equal(X, before)


def test_layers_may_write_over_what_nobody_needs_and_over_nothing_else():
    layers = [nn.Dropout(0.5), nn.Dense(2), nn.Identity(), nn.Tanh(), nn.Dropout(0.5), nn.SiLU()]
    network = nn.Network(layers, nn.SquaredError(), (3,))
    for training in (True, False):
        memories = network.memories(training, np.random.default_rng(0))
        network.forward(np.ones((4, 3), np.float32), memories)
        allowed = [memory.overwrite_input for memory in memories]
        # Not the data, nor what a dropout passes on of it, nor the output that tanh keeps.
        assert allowed == [False, training, True, True, False, training, True]


@pytest.mark.parametrize("n_before", [0, 1, 2])
def test_first_layer_with_parameters_and_those_before_it_compute_no_input_gradient(
    n_before, monkeypatch, generator
):
    calls = []

    def spy(cls):
        backward = cls.backward

        def recorded(self, dY, memory, need_dX=True):
            calls.append((cls, need_dX))
            return backward(self, dY, memory, need_dX)

        monkeypatch.setattr(cls, "backward", recorded)

    for cls in (nn.Dense, nn.Dropout, nn.SiLU):
        spy(cls)
    before = [nn.Dropout(0.1), nn.SiLU()][:n_before]
    network = nn.Network([*before, nn.Dense(4), nn.SiLU(), nn.Dense(2)], nn.SquaredError(), (3,))
    memories = network.memories(training=True, generator=generator)
    X = generator.standard_normal((5, 3), dtype=np.float32)
    network.loss_and_gradients(X, np.zeros((5, 2), np.float32), None, memories)
    assert calls == [(nn.Dense, True), (nn.SiLU, True), (nn.Dense, False)]


def test_the_same_layers_serve_several_networks():
    layers = deep()
    first, second = (nn.Network(layers, nn.SquaredError(), (5,), seed=seed) for seed in (0, 1))
    assert not np.shares_memory(first.parameters.values, second.parameters.values)
    assert (first.layers[0].values["weight"] != second.layers[0].values["weight"]).all()
    assert all("values" not in vars(layer) for layer in layers)


def test_the_same_seed_gives_the_same_weights(dtype):
    def values(seed):
        return nn.Network(deep(), nn.SquaredError(), (5,), dtype, seed).parameters.values

    np.testing.assert_array_equal(values(0), values(0))
    np.testing.assert_array_equal(values(0), values(np.random.SeedSequence(0)))
    assert (values(0) != values(1)).any()


@pytest.mark.parametrize("via", ["deepcopy", "pickle"])
def test_a_copy_predicts_the_same_bytes_and_stands_alone(network, X, via, pickled):
    expected = network.predict(X)
    other = copy.deepcopy(network) if via == "deepcopy" else pickled(network)
    np.testing.assert_array_equal(other.predict(X), expected)
    other.parameters.values[...] = 0
    np.testing.assert_array_equal(other.layers[0].values["weight"], 0)
    np.testing.assert_array_equal(network.predict(X), expected)


def test_output_shape_follows_the_layers():
    assert nn.Network(deep(), nn.SquaredError(), (5,)).output_shape == (3,)
    assert nn.Network([nn.ReLU()], nn.SquaredError(), (4, 2)).output_shape == (4, 2)


@given(
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from(["softmax", "smoothed sigmoid", "squared error", "poisson"]),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_any_shape_trains_and_predicts_finite_values_in_its_dtype(
    losses, make_targets, n, n_features, n_units, n_outputs, name, dtype, constant
):
    generator, loss = np.random.default_rng(n), losses[name]()
    X = generator.standard_normal((n, n_features)).astype(dtype)
    if constant:
        X[:, 0] = 3
    y = make_targets(loss, n, n_outputs, generator, dtype)
    network = nn.Network(deep(n_outputs, n_units), loss, (n_features,), dtype)
    memories = network.memories(training=True, generator=generator)
    for rows in (slice(None), slice(0, 1), slice(0, max(n - 1, 1))):
        assert np.isfinite(network.loss_and_gradients(X[rows], y[rows], None, memories))
        assert np.isfinite(network.parameters.gradients).all()
    predictions = network.predict(X)
    assert predictions.shape == (n, n_outputs)
    assert predictions.dtype == network.parameters.gradients.dtype == dtype
    assert np.isfinite(predictions).all()
