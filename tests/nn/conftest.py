"""Fixtures of the network's tests."""

import pickle

import numpy as np
import pytest

from digit_recognizer import nn

LOSSES = {
    "softmax": nn.SoftmaxCrossEntropy,
    "smoothed softmax": lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.2),
    "sigmoid": nn.BinaryCrossEntropy,
    "smoothed sigmoid": lambda: nn.BinaryCrossEntropy(label_smoothing=0.2),
    "squared error": nn.SquaredError,
    "poisson": nn.PoissonDeviance,
}


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=LOSSES)
def loss(request):
    """Each head, with and without label smoothing."""
    return LOSSES[request.param]()


@pytest.fixture(scope="session")
def losses():
    """Name → a function that makes the head."""
    return LOSSES


@pytest.fixture(scope="session")
def make_targets():
    """A function that draws targets as a head takes them."""

    def make(loss, n, n_outputs, generator, dtype=np.float64):
        if isinstance(loss, nn.SoftmaxCrossEntropy):
            return generator.integers(n_outputs, size=n)
        if isinstance(loss, nn.BinaryCrossEntropy):
            return generator.integers(2, size=(n, n_outputs)).astype(dtype)
        if isinstance(loss, nn.PoissonDeviance):
            return generator.poisson(1.5, size=(n, n_outputs)).astype(dtype)
        return generator.standard_normal((n, n_outputs)).astype(dtype)

    return make


@pytest.fixture(scope="session")
def pickled():
    """A function that sends its argument through pickle."""
    return lambda thing: pickle.loads(pickle.dumps(thing))


@pytest.fixture(scope="session")
def lone_layer():
    """A function that copies a layer, builds it and binds it, as the only one of a network."""

    def make(layer, input_shape, dtype=np.float64):
        return nn.Network([layer], nn.SquaredError(), input_shape, dtype).layers[0]

    return make
