"""A training step by hand: plain arrays in and out, and no memory to think of."""

import copy

import numpy as np
import pytest

from digit_recognizer import nn


@pytest.fixture
def X(generator):
    return generator.standard_normal((12, 6)).astype(np.float32)


@pytest.fixture
def y(generator):
    return generator.integers(3, size=12)


def make_network(dtype=np.float32, seed=0):
    layers = [nn.Dense(8), nn.BatchNorm(), nn.ReLU(), nn.Dense(3)]
    return nn.Network(layers, nn.SoftmaxCrossEntropy(), (6,), dtype, seed)


def step_by_hand(network, X, y, optimizer):
    Z = network.forward(X)
    loss, dZ = network.loss.loss_and_gradient(Z, y)
    network.backward(dZ)
    optimizer.step(network.parameters, 0.1)
    return loss


def test_the_steps_by_hand_are_those_of_training(X, y):
    trained, by_hand, in_one = make_network(), make_network(), make_network()
    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.1), 12, 3, shuffle=False)
    losses = [record["loss"] for record in trained.fit_epochs(X, y, plan, 0)]
    optimizers = nn.Adam(), nn.Adam()
    assert [step_by_hand(by_hand, X, y, optimizers[0]) for _ in range(3)] == losses
    assert [in_one.train_step(X, y, optimizers[1], 0.1) for _ in range(3)] == losses
    for other in (by_hand, in_one):
        np.testing.assert_array_equal(other.parameters.values, trained.parameters.values)


def test_a_network_taken_layer_by_layer_equals_the_whole(X, y, generator):
    network = make_network(np.float64)
    layers = [copy.deepcopy(layer) for layer in network.layers]
    Y = X
    for layer, original in zip(layers, network.layers, strict=True):
        layer.initialize(Y.shape[1:], dtype=np.float64)
        for name, value in original.values.items():
            layer.values[name][...] = value
        Y = layer.forward(Y)
    Z = network.forward(X)
    np.testing.assert_allclose(Y, Z)
    _, dZ = network.loss.loss_and_gradient(Z, y)
    dX = network.backward(dZ, need_dX=True)
    for layer in reversed(layers):
        dZ = layer.backward(dZ)
    np.testing.assert_allclose(dZ, dX)
    for layer, original in zip(layers, network.layers, strict=True):
        for name, gradient in original.gradients.items():
            np.testing.assert_allclose(layer.gradients[name], gradient, atol=1e-12)


def test_arrays_given_and_returned_stay_as_they_are(X, y):
    network = make_network()
    weights = np.arange(12.0)
    Z = network.forward(X)
    before = X.copy(), Z.copy(), y.copy(), weights.copy()
    _, dZ = network.loss.loss_and_gradient(Z, y, weights)
    gradient = dZ.copy()
    network.backward(dZ)
    network.forward(X + 1)
    np.testing.assert_array_equal(dZ, gradient)
    for array, was in zip((X, Z, y, weights), before, strict=True):
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Dropout(0.5), nn.SiLU(), nn.Identity()])
def test_layers_change_no_array_by_hand(layer, X):
    before, dY = X.copy(), np.ones_like(X)
    Y = layer.forward(X)
    first = Y.copy()
    layer.backward(dY)
    layer.forward(X + 1)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(Y, first)
    np.testing.assert_array_equal(dY, 1)


def test_a_layer_starts_at_its_first_batch_and_takes_lists():
    layer = nn.Dense(2, bias=False)
    Y = layer.forward([[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(Y, layer.values["weight"][:2])
    np.testing.assert_array_equal(layer.backward([[1, 0]] * 2)[0], layer.values["weight"][:, 0])
    again = nn.Dense(2, bias=False)
    again.initialize((3,), seed=1)
    assert not np.array_equal(again.values["weight"], layer.values["weight"])


def test_layers_of_images_take_and_return_images(generator):
    X = generator.random((5, 6, 6, 2))
    layers = [nn.Conv2D(3, 3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten()]
    shapes = []
    Y = X
    for layer in layers:
        Y = layer.forward(Y)
        shapes.append(Y.shape)
    assert shapes == [(5, 4, 4, 3), (5, 4, 4, 3), (5, 2, 2, 3), (5, 12)]
    dY = np.ones_like(Y)
    for layer in reversed(layers):
        dY = layer.backward(dY)
    assert dY.shape == X.shape
    assert np.abs(layers[0].gradients["weight"]).min() > 0


def test_a_trained_networks_layers_show_what_they_do(generator):
    network = nn.Network([nn.Conv2D(3, 3), nn.Flatten(), nn.Dense(2)], nn.SquaredError(), (6, 6, 1))
    weight = network.layers[0].values["weight"].copy()
    assert network.layers[0].forward(generator.random((4, 6, 6, 1))).shape == (4, 4, 4, 3)
    np.testing.assert_array_equal(network.layers[0].values["weight"], weight)


def test_a_layer_used_by_hand_serves_a_network_too(X, pickled):
    layer = nn.Dense(3)
    layer.forward(X)
    network = nn.Network([layer], nn.SquaredError(), (6,), seed=5)
    assert not np.shares_memory(network.layers[0].values["weight"], layer.values["weight"])
    network.forward(X)
    assert not vars(pickled(layer)).keys() & {"values", "parameters", "_own"}
    np.testing.assert_array_equal(pickled(network).forward(X), network.forward(X))


class Square(nn.Layer):
    def forward(self, X, memory):
        memory.kept = X
        return X**2

    def backward(self, dY, memory, need_dX=True):
        return 2 * memory.kept * dY


def test_a_layer_of_ones_own_goes_by_hand_too(X):
    layer = Square()
    np.testing.assert_array_equal(layer.forward(X), X**2)
    np.testing.assert_array_equal(layer.backward(np.ones_like(X)), 2 * X)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda network, X, y: network.backward(X), "call forward first"),
        (lambda network, X, y: nn.Dense(3).backward(X), r"Dense\(3\) .* call forward first"),
        (lambda network, X, y: network.layers[0].forward(X[:, :5]), r"takes X of shape \(n, 6\)"),
        (
            lambda network, X, y: (network.layers[0].forward(X), network.layers[0].backward(X)),
            r"takes dY of shape \(n, 8\), got \(12, 6\)",
        ),
        (
            lambda network, X, y: network.loss.loss_and_gradient(network.forward(X), y[:3]),
            "Z has 12 rows and y 3",
        ),
        (
            lambda network, X, y: network.train_step(X, np.eye(4)[y], nn.SGD(), 0.1),
            "the 3 classes' probabilities",
        ),
    ],
)
def test_what_does_not_fit_is_told(act, message, X, y):
    with pytest.raises(ValueError, match=message):
        act(make_network(), X, y)
