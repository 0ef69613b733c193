"""Gradient checks: right networks pass, wrong ones do not."""

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.testing.gradients import numerical_gradient, relative_error

ARCHITECTURES = {
    "linear": [],
    "every activation": [
        layer for make in nn.ACTIVATIONS.values() for layer in (nn.Dense(5), make())
    ],
    "norm before the activation": [nn.Dense(6, bias=False), nn.BatchNorm(), nn.ReLU()],
    "norm after the activation": [nn.Dense(6), nn.Tanh(), nn.BatchNorm()],
    "norm and dropout first": [nn.BatchNorm(), nn.Dropout(0.2), nn.Dense(4), nn.SiLU()],
    "dropout after each kind": [
        nn.Dense(6),
        nn.Dropout(0.3),
        nn.SiLU(),
        nn.Dropout(0.3),
        nn.BatchNorm(),
        nn.Dropout(0.3),
        nn.Identity(),
        nn.Dense(5),
        nn.Tanh(),
        nn.Dropout(0.3),
    ],
    "activation after activation": [nn.Dense(6), nn.Logistic(), nn.Tanh(), nn.SiLU(), nn.SiLU()],
    "one unit": [nn.Dense(1), nn.LeakyReLU(0.2), nn.Dense(3), nn.Logistic()],
}


def check(layers, loss, y, weights=None, n_features=4):
    network = nn.Network(layers, loss, (n_features,), np.float64, seed=3)
    generator = np.random.default_rng(5)
    X = generator.standard_normal((len(y), n_features))
    # Biases off 0: after a row of dead units they would put the next activation on its kink.
    values = network.parameters.values[: network.parameters.n_trainable]
    values += 0.2 * generator.standard_normal(len(values))
    return nn.check_network_gradients(network, X, y, weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_gradients_of_networks_equal_finite_differences(
    name, weighted, loss, make_targets, generator
):
    layers = [*ARCHITECTURES[name], nn.Dense(3)]
    weights = generator.uniform(0, 3, 8) if weighted else None
    assert check(layers, loss, make_targets(loss, 8, 3, generator), weights) < 1e-6


@pytest.mark.parametrize(
    "last", [*(make() for make in nn.ACTIVATIONS.values()), nn.BatchNorm(), nn.Dropout(0.4)]
)
def test_any_layer_may_be_the_last(last, loss, make_targets, generator):
    assert check([nn.Dense(3), last], loss, make_targets(loss, 8, 3, generator)) < 1e-6


@pytest.mark.parametrize("n", [1, 2])
def test_gradients_of_tiny_batches_equal_finite_differences(n, loss, make_targets, generator):
    layers = [nn.Dense(4), nn.Tanh(), nn.Dense(2)]
    y = make_targets(loss, n, 2, generator)
    assert check(layers, loss, y, n_features=1) < 1e-6


class ForgetsTheChain(nn.Tanh):
    def multiply_by_derivative(self, Y, dY, memory):
        pass


class SlightlyWrong(nn.Tanh):
    def multiply_by_derivative(self, Y, dY, memory):
        super().multiply_by_derivative(Y, dY, memory)
        dY *= 1 + 1e-5


class ForgetsTheBatch(nn.BatchNorm):
    def backward(self, dY, memory, need_dX=True):
        dX = dY * self.values["gamma"] / memory.kept[1]
        super().backward(dY, memory)
        return dX


class ForgetsTheScale(nn.BatchNorm):
    def backward(self, dY, memory, need_dX=True):
        return super().backward(dY, memory, need_dX) / self.values["gamma"]


class AveragesTheBias(nn.Dense):
    def backward(self, dY, memory, need_dX=True):
        dX = super().backward(dY, memory, need_dX)
        self.gradients["bias"][...] = dY.mean(axis=0)
        return dX


class ForgetsOneWeight(nn.Dense):
    def backward(self, dY, memory, need_dX=True):
        dX = super().backward(dY, memory, need_dX)
        self.gradients["weight"][0, 0] = 0
        return dX


@pytest.mark.parametrize(
    ("layer", "wrong"),
    [
        (ForgetsTheChain(), {"X"}),
        (SlightlyWrong(), {"X"}),
        (ForgetsTheBatch(), {"X"}),
        (ForgetsTheScale(), {"X"}),
        (AveragesTheBias(3), {"bias"}),
        (ForgetsOneWeight(3), {"weight"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_check_gradients_names_what_a_wrong_backward_pass_gets_wrong(layer, wrong, generator):
    errors = nn.check_gradients(layer, generator.standard_normal((6, 4)))
    assert {name for name, error in errors.items() if error > 1e-6} == wrong


class PutsANewGradient(nn.Dense):
    def backward(self, dY, memory, need_dX=True):
        dX = super().backward(dY, memory, need_dX)
        self.gradients["weight"] = memory.kept.T @ dY
        return dX


class PutsNewStatistics(nn.BatchNorm):
    def forward(self, X, memory):
        self.values["running_mean"] = 0.9 * self.values["running_mean"] + 0.1 * X.mean(axis=0)
        return super().forward(X, memory)


class ChangesItsInput(nn.Layer):
    def forward(self, X, memory):
        return np.multiply(X, 2, out=X)

    def backward(self, dY, memory, need_dX=True):
        return 2 * dY


class SaysAnotherShape(nn.Layer):
    def forward(self, X, memory):
        return np.hstack([X, X])


class KeepsACopyOfItsWeights(nn.Dense):
    def forward(self, X, memory):
        # Finite differences of the copy are right, and no step reaches it.
        self.values = {"weight": self.values["weight"].copy(), "bias": self.values["bias"]}
        return super().forward(X, memory)


class TurnsItsGradient(nn.Dense):
    def bind(self, values, gradients):
        super().bind(values, {"weight": gradients["weight"].T, "bias": gradients["bias"]})


class AddsToWhatIsThere(nn.Dense):
    def backward(self, dY, memory, need_dX=True):
        before = self.gradients["weight"].copy()
        dX = super().backward(dY, memory, need_dX)
        self.gradients["weight"] += before
        return dX


class GivesNaN(nn.Tanh):
    def multiply_by_derivative(self, Y, dY, memory):
        dY[...] = np.nan


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (PutsANewGradient(3), r"self\.gradients\['weight'\], which no optimizer sees; write into"),
        (PutsNewStatistics(), r"self\.values\['running_mean'\]"),
        (KeepsACopyOfItsWeights(3), r"self\.values\['weight'\]"),
        (TurnsItsGradient(4), "A step of an optimizer that should lower the loss by"),
        (ChangesItsInput(), "ChangesItsInput.* changes its input in forward"),
        (
            SaysAnotherShape(),
            r"of shape \(8,\) of those of shape \(4,\), but its build says \(4,\)",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_that_would_not_train_is_refused_with_the_reason(layer, message, generator):
    with pytest.raises(ValueError, match=message):
        nn.check_gradients(layer, generator.standard_normal((6, 4)))


@pytest.mark.parametrize(
    ("layer", "wrong"), [(AddsToWhatIsThere(3), {"weight"}), (GivesNaN(), {"X"})]
)
def test_gradients_of_noise_or_of_no_number_are_wrong(layer, wrong, generator):
    errors = nn.check_gradients(layer, generator.standard_normal((6, 4)))
    assert {name for name, error in errors.items() if not error < 1e-6} == wrong


class Scale(nn.ImageLayer):
    """Y = s X with a number s for each channel of images."""

    def parameter_specs(self):
        return [nn.ParameterSpec("scale", self.input_shape[-1:], 1.0)]

    def start_backward(self, memory):
        self.gradients["scale"][...] = 0

    def forward(self, X, memory):
        memory.kept = X
        return X * self.values["scale"]

    def backward(self, dY, memory, need_dX=True):
        self.gradients["scale"] += (memory.kept * dY).sum(axis=(0, 1, 2, 3))
        return dY * self.values["scale"]


class OverwritesOtherPieces(Scale):
    def backward(self, dY, memory, need_dX=True):
        self.gradients["scale"][...] = (memory.kept * dY).sum(axis=(0, 1, 2, 3))
        return dY * self.values["scale"]


class RemembersInItself(Scale):
    def forward(self, X, memory):
        self.X = X
        return X * self.values["scale"]

    def backward(self, dY, memory, need_dX=True):
        self.gradients["scale"] += (self.X * dY).sum(axis=(0, 1, 2, 3))
        return dY * self.values["scale"]


class ScaleOfRows(nn.Layer):
    """The same as a layer that knows nothing of pieces."""

    parameter_specs = Scale.parameter_specs
    forward = Scale.forward

    def backward(self, dY, memory, need_dX=True):
        products = memory.kept * dY
        self.gradients["scale"][...] = products.sum(axis=tuple(range(products.ndim - 1)))
        return dY * self.values["scale"]


@pytest.mark.parametrize("fuse", [True, False])
def test_gradients_of_a_layer_that_knows_no_pieces_are_added_up_over_them(fuse, generator):
    layers = [nn.Conv2D(2, 2), ScaleOfRows(), nn.Conv2D(3, 2), ScaleOfRows(), nn.Flatten()]
    network = nn.Network(layers, nn.SquaredError(), (4, 3, 2), np.float64, fuse=fuse)
    X, y = generator.standard_normal((7, 4, 3, 2)), generator.standard_normal((7, 6))
    assert nn.check_network_gradients(network, X, y) < 1e-6
    assert nn.check_gradients(ScaleOfRows(), X)["scale"] < 1e-6


@pytest.mark.parametrize("n_images", [1, 2, 5])
@pytest.mark.parametrize(
    "layer", [Scale(), nn.Conv2D(2, 2), nn.MaxPool2D(2), nn.BatchNorm(), nn.Flatten()]
)
def test_layers_of_images_are_right_in_several_pieces(layer, n_images, generator):
    errors = nn.check_gradients(layer, generator.standard_normal((n_images, 4, 3, 2)))
    assert max(errors.values()) < 1e-6


@pytest.mark.parametrize("n_images", [1, 5])
@pytest.mark.parametrize("layer", [OverwritesOtherPieces(), RemembersInItself()])
def test_a_layer_that_takes_one_piece_for_the_batch_is_refused(layer, n_images, generator):
    with pytest.raises(ValueError, match=r"gradient of scale is right where .* one piece"):
        nn.check_gradients(layer, generator.standard_normal((n_images, 4, 3, 2)))


def test_check_network_gradients_refuses_what_check_gradients_does(generator):
    y = generator.standard_normal((8, 3))
    with pytest.raises(ValueError, match="which no optimizer sees"):
        check([PutsANewGradient(5), nn.Tanh(), nn.Dense(3)], nn.SquaredError(), y)
    layers = [OverwritesOtherPieces(), nn.Flatten(), nn.Dense(3)]
    network = nn.Network(layers, nn.SquaredError(), (4, 3, 2), np.float64)
    X = generator.standard_normal((8, 4, 3, 2))
    assert nn.check_network_gradients(network, X, y) > 1e-3


@pytest.mark.parametrize("layer", [ForgetsTheChain(), SlightlyWrong(), ForgetsTheBatch()])
def test_check_network_gradients_catches_a_wrong_layer(layer, generator):
    y = generator.standard_normal((8, 3))
    assert check([nn.Dense(5), layer, nn.Dense(3)], nn.SquaredError(), y) > 1e-6


def test_check_network_gradients_catches_a_wrong_loss(generator):
    class Doubled(nn.SquaredError):
        def loss_and_gradient(self, Z, y, sample_weight, memory):
            loss, dZ = super().loss_and_gradient(Z, y, sample_weight, memory)
            return 2 * loss, dZ

    assert check([nn.Dense(3)], Doubled(), generator.standard_normal((8, 3))) > 0.1


def test_check_network_gradients_refuses_float32():
    network = nn.Network([nn.Dense(2)], nn.SquaredError(), (3,), np.float32)
    with pytest.raises(ValueError, match="needs a float64 network, got float32"):
        nn.check_network_gradients(network, np.ones((2, 3)), np.ones((2, 2)))


def test_checks_leave_their_arguments_as_they_are(generator):
    X = generator.standard_normal((6, 4)).astype(np.float32)
    before = X.copy()
    layer = nn.Dense(3)
    nn.check_gradients(layer, X)
    np.testing.assert_array_equal(X, before)
    assert "values" not in vars(layer)

    network = nn.Network([nn.Dense(3)], nn.SquaredError(), (4,), np.float64)
    values = network.parameters.values.copy()
    nn.check_network_gradients(network, generator.standard_normal((6, 4)), np.ones((6, 3)))
    np.testing.assert_array_equal(network.parameters.values, values)


def test_numerical_gradient_of_a_cubic_is_its_derivative():
    array = np.array([[1.0, -2.0], [0.5, 3.0]])
    gradient = numerical_gradient(lambda: (array**3).sum(), array)
    np.testing.assert_allclose(gradient, 3 * array**2, rtol=1e-8)
    np.testing.assert_array_equal(array, [[1, -2], [0.5, 3]])


def test_relative_error_is_of_the_largest_magnitude():
    assert relative_error(np.array([1.0, 4.0]), np.array([1.0, 5.0])) == 0.2
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.zeros(0), np.zeros(0)) == 0
