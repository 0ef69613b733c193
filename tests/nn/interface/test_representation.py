"""How the parts of a network show themselves."""

import numpy as np
import pytest

from digit_recognizer import nn


def double(Z):
    return 2 * Z


def two(Z):
    return np.full_like(Z, 2)


ONES = np.ones(2)


class Custom(nn.Layer):
    """Stores one argument only, and takes what a default may be."""

    def __init__(self, size, *others, scale=ONES, kept=None, **more):
        self.size = size
        self.scale = scale


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (nn.Dense(32), "Dense(32)"),
        (nn.Conv2D(8, 3, padding=1, bias=False), "Conv2D(8, 3, padding=1, bias=False)"),
        (nn.MaxPool2D(3, stride=2), "MaxPool2D(3, stride=2)"),
        (nn.Flatten(), "Flatten()"),
        (nn.LeakyReLU(0.2), "LeakyReLU(slope=0.2)"),
        (nn.CustomActivation(double, two), "CustomActivation(double, two)"),
        (Custom(3), "Custom(3)"),
        (Custom(3, scale=np.zeros(2)), "Custom(3, scale=array([0., 0.]))"),
        (nn.Adam(), "Adam()"),
        (nn.SGD(nesterov=False, momentum=0.5), "SGD(momentum=0.5, nesterov=False)"),
        (nn.AdamW(weight_decay=0.1), "AdamW(weight_decay=0.1)"),
        (nn.Muon(0.9, weight_decay=0.1), "Muon(momentum=0.9, weight_decay=0.1)"),
        (nn.SoftmaxCrossEntropy(label_smoothing=0.1), "SoftmaxCrossEntropy(label_smoothing=0.1)"),
        (nn.SquaredError(), "SquaredError()"),
        (nn.MovingAverage(0.99), "MovingAverage(0.99)"),
        (nn.OneCycle(0.1), "OneCycle(learning_rate=0.1, warm_up=0.2, first=0.1)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_shows_the_call_that_makes_it(thing, text):
    assert repr(thing) == text


def test_a_plan_shows_its_parts():
    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.1), batch_size=10, n_epochs=2)
    assert repr(plan).startswith("TrainingPlan(optimizer=Adam(), schedule=Constant(learning_rate=")


def test_a_network_shows_its_layers_without_how_their_weights_start():
    layers = [nn.Dense(4, initializer=nn.INITIALIZERS["he_normal"]), nn.ReLU(), nn.Dense(2)]
    network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (3,))
    expected = "Network([Dense(4), ReLU(), Dense(2)], SoftmaxCrossEntropy(), input_shape=(3,))"
    assert repr(network) == expected
