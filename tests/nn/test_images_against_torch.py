"""Image networks against PyTorch with the same weights, where it is installed."""

import numpy as np
import pytest

from digit_recognizer import nn

torch = pytest.importorskip("torch")

SHAPE = (14, 13, 2)
NETWORKS = {
    "pooling before the norm": lambda: [
        *(nn.Conv2D(4, 3), nn.MaxPool2D(2), nn.BatchNorm(), nn.ReLU()),
        *(nn.Conv2D(6, 3, bias=False), nn.BatchNorm(), nn.ReLU()),
    ],
    "strides and paddings": lambda: [
        *(nn.Conv2D(5, 5, 2, 2, bias=False), nn.BatchNorm(), nn.ReLU()),
        *(nn.Conv2D(4, 4, 3, 1), nn.Tanh(), nn.Conv2D(4, 1), nn.SiLU()),
    ],
    "winograd": lambda: [
        *(nn.Conv2D(4, 3, 1, 1, algorithm="winograd"), nn.ReLU(), nn.AveragePool2D(2)),
        *(nn.Conv2D(3, 5, 1, 2, algorithm="winograd"), nn.BatchNorm(), nn.ReLU()),
        nn.MaxPool2D(3, 2),
    ],
    "columns": lambda: [
        *(nn.Conv2D(4, 3, 1, 1, algorithm="columns"), nn.BatchNorm(), nn.LeakyReLU(0.1)),
        *(nn.Conv2D(3, 3, 2, algorithm="columns"), nn.Logistic()),
    ],
}


def torch_layer(layer, values):
    """The PyTorch module of a layer, with its values."""
    T = torch.nn
    if isinstance(layer, nn.Conv2D):
        in_channels = layer.input_shape[2]
        size, stride, padding = layer.kernel_size, layer.stride, layer.padding
        module = T.Conv2d(in_channels, layer.n_filters, size, stride, padding, bias=layer.bias)
        weights = {"weight": values["weight"].transpose(3, 2, 0, 1), "bias": values.get("bias")}
    elif isinstance(layer, nn.BatchNorm):
        module = T.BatchNorm2d(layer.input_shape[-1])
        weights = {"weight": values["gamma"], "bias": values["beta"]}
    elif isinstance(layer, nn.Dense):
        module = T.Linear(layer.input_shape[0], layer.n_units)
        weights = {"weight": values["weight"].T, "bias": values["bias"]}
    else:
        return {
            nn.ReLU: T.ReLU,
            nn.Tanh: T.Tanh,
            nn.SiLU: T.SiLU,
            nn.Logistic: T.Sigmoid,
            nn.LeakyReLU: lambda: T.LeakyReLU(layer.slope),
            nn.MaxPool2D: lambda: T.MaxPool2d(layer.size, layer.stride),
            nn.AveragePool2D: lambda: T.AvgPool2d(layer.size, layer.stride),
        }[type(layer)]()
    module = module.double()
    with torch.no_grad():
        for name, value in weights.items():
            if value is not None:
                getattr(module, name).copy_(torch.from_numpy(value.copy()))
    return module


def torch_gradients(modules, layers):
    """Gradients in our shapes, by layer and name."""
    for module, layer in zip(modules, layers, strict=True):
        for name in layer.gradients:
            theirs = {"gamma": "weight", "beta": "bias"}.get(name, name)
            gradient = getattr(module, theirs).grad.numpy()
            if isinstance(layer, nn.Conv2D) and name == "weight":
                gradient = gradient.transpose(2, 3, 1, 0)
            elif isinstance(layer, nn.Dense) and name == "weight":
                gradient = gradient.T
            yield layer.gradients[name], gradient


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_gradients_and_statistics_equal_those_of_torch(name, fuse):
    generator = np.random.default_rng(0)
    layers = [*NETWORKS[name](), nn.GlobalAveragePool2D(), nn.Dense(3)]
    loss = nn.SoftmaxCrossEntropy()
    network = nn.Network(layers, loss, SHAPE, np.float64, seed=1, fuse=fuse)
    values = network.parameters.values[: network.parameters.n_trainable]
    values += 0.1 * generator.standard_normal(len(values))
    X, y = generator.standard_normal((37, *SHAPE)), generator.integers(0, 3, 37)
    ours = [layer for layer in network.layers if not isinstance(layer, nn.GlobalAveragePool2D)]
    modules = [torch_layer(layer, layer.values) for layer in ours]

    memories = network.memories(training=True)
    Z = network.forward(X, memories).copy()
    value = network.loss_and_gradients(X, y, None, memories)
    images = torch.from_numpy(X.transpose(0, 3, 1, 2).copy())
    for module in modules[:-1]:
        images = module(images)
    expected = modules[-1](images.mean(dim=(2, 3)))
    expected_loss = torch.nn.functional.cross_entropy(expected, torch.from_numpy(y))
    expected_loss.backward()

    np.testing.assert_allclose(Z, expected.detach().numpy(), rtol=0, atol=1e-9)
    assert value == pytest.approx(expected_loss.item(), abs=1e-9)
    for gradient, wanted in torch_gradients(modules, ours):
        np.testing.assert_allclose(gradient, wanted, rtol=0, atol=1e-9)
