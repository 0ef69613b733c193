"""Products without the columns that are zero in a batch, against those of all columns."""

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays import columns
from digit_recognizer.nn.arrays.columns import NonzeroColumns, without_zero_columns


def rows_with_zero_columns(generator, n=96, n_features=300, n_zero=150, dtype=np.float64):
    X = generator.standard_normal((n, n_features)).astype(dtype)
    X[:, generator.permutation(n_features)[:n_zero]] = 0
    return X


def network(n_features, dtype=np.float64, layers=None):
    layers = layers or [nn.Dense(200), nn.ReLU(), nn.Dense(3)]
    return nn.Network(layers, nn.SoftmaxCrossEntropy(), (n_features,), dtype)


def loss_and_gradients(network, X):
    y = np.arange(len(X)) % 3
    memories = network.memories(training=True, generator=np.random.default_rng(0))
    loss = network.loss_and_gradients(X, y, None, memories)
    return loss, network.parameters.gradients.copy(), kept_by_first(memories)


def kept_by_first(memories):
    """X as the first layer's memory has it: all layers are one step, or each is one."""
    return getattr(memories[0], "layers", memories)[0].kept


def test_loss_and_gradients_are_those_of_all_columns(generator, dtype, monkeypatch):
    X = rows_with_zero_columns(generator, dtype=dtype)
    net = network(300, dtype)
    loss, gradients, kept = loss_and_gradients(net, X)
    assert isinstance(kept, NonzeroColumns)
    assert kept.values.shape == (96, 160)
    monkeypatch.setattr(columns, "pays", lambda *sizes: False)
    plain_loss, plain_gradients, kept = loss_and_gradients(net, X)
    assert isinstance(kept, np.ndarray)
    tolerance = 1e-13 if dtype == np.float64 else 1e-5
    assert loss == pytest.approx(plain_loss, rel=tolerance)
    np.testing.assert_allclose(gradients, plain_gradients, rtol=tolerance, atol=tolerance)


def test_gradients_of_zero_columns_are_zero_after_another_batch(generator):
    net = network(300)
    gradient = net.layers[0].gradients["weight"]
    for _ in range(2):
        X = rows_with_zero_columns(generator)
        loss_and_gradients(net, X)
        np.testing.assert_array_equal(gradient.any(axis=1), X.any(axis=0))


def test_the_gradient_of_x_has_all_columns(generator):
    X = rows_with_zero_columns(generator)
    net = network(300)
    memories = net.memories(training=True)
    dZ = generator.standard_normal(net.forward(X, memories).shape)
    dX = net.backward(dZ.copy(), memories, need_dX=True)
    assert isinstance(kept_by_first(memories), NonzeroColumns)
    hidden = np.maximum(X @ net.layers[0].values["weight"], 0)
    expected = (dZ @ net.layers[2].values["weight"].T * (hidden > 0)) @ net.layers[0].values[
        "weight"
    ].T
    np.testing.assert_allclose(dX, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("value", [np.nan, -0.0, 1e-300])
def test_one_value_that_is_not_zero_keeps_its_column(generator, value):
    X = rows_with_zero_columns(generator)
    place = np.flatnonzero(~X.any(axis=0))[7]
    X[-1, place] = value
    *_, kept = loss_and_gradients(network(300), X)
    assert place in kept.columns
    assert len(kept.columns) == 160


def test_batches_that_gain_nothing_stay_as_they_are(generator):
    net = network(300)
    few_zeros = rows_with_zero_columns(generator, n_zero=40)
    few_rows = rows_with_zero_columns(generator, n=20)
    # Zeros enough in each row, and in the first rows, but not of the same columns.
    scattered = generator.standard_normal((96, 300))
    scattered[:8, :200] = 0
    for X in (few_zeros, few_rows, scattered, np.asfortranarray(rows_with_zero_columns(generator))):
        *_, kept = loss_and_gradients(net, X)
        assert isinstance(kept, np.ndarray)


def test_predictions_and_layers_further_in_take_x_as_it_is(generator):
    X = rows_with_zero_columns(generator)
    net = network(300, layers=[nn.Dropout(0.0), nn.Dense(200)])
    for training in (True, False):
        memory = nn.Memory(np.float64, training)
        assert without_zero_columns(X, net.layers[1], memory) is X
    first = network(300).layers[0]
    assert without_zero_columns(X, first, nn.Memory(np.float64)) is X
    assert without_zero_columns(X, first, nn.Memory(np.float64, training=True)) is not X


def test_a_layer_of_ones_own_gets_the_rows_themselves(generator):
    class Absolute(nn.Dense):
        def forward(self, X, memory):
            super().forward(X, memory)
            return abs(memory.kept) @ self.values["weight"]

    X = rows_with_zero_columns(generator)
    net = network(300, layers=[Absolute(200)])
    expected = abs(X) @ net.layers[0].values["weight"]
    np.testing.assert_allclose(net.forward(X, net.memories(training=True)), expected)
