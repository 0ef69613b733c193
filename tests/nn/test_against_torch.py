"""The same numbers as PyTorch, where it is installed."""

from functools import partial

import numpy as np
import pytest

from digit_recognizer import nn

torch = pytest.importorskip("torch")

ACTIVATIONS = {
    "identity": torch.nn.Identity,
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
    "tanh": torch.nn.Tanh,
    "logistic": torch.nn.Sigmoid,
    "silu": torch.nn.SiLU,
}
assert_close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)


def tensor(array):
    return torch.from_numpy(np.array(array))


def twin(network):
    """The network in PyTorch, with the same weights, and for each its parameters by our names."""
    modules, named = [], []
    for layer in network.layers:
        if isinstance(layer, nn.Dense):
            module = torch.nn.Linear(layer.input_shape[0], layer.n_units, dtype=torch.float64)
            named.append({"weight": module.weight, "bias": module.bias})
        elif isinstance(layer, nn.BatchNorm):
            module = torch.nn.BatchNorm1d(layer.input_shape[0], dtype=torch.float64)
            named.append({"gamma": module.weight, "beta": module.bias})
        else:
            name = next(name for name, cls in nn.ACTIVATIONS.items() if type(layer) is cls)
            module = ACTIVATIONS[name]()
            named.append({})
        modules.append(module)
        for name, parameter in named[-1].items():
            parameter.data = tensor(layer.values[name].T).contiguous()
    return torch.nn.Sequential(*modules), named


def torch_losses(loss, Z, y):
    """The loss of each sample."""
    y = tensor(y)
    if isinstance(loss, nn.SoftmaxCrossEntropy):
        return torch.nn.functional.cross_entropy(
            Z, y, reduction="none", label_smoothing=loss.label_smoothing
        )
    if isinstance(loss, nn.BinaryCrossEntropy):
        target = (1 - loss.label_smoothing) * y + loss.label_smoothing / 2
        terms = torch.nn.functional.binary_cross_entropy_with_logits(Z, target, reduction="none")
    elif isinstance(loss, nn.SquaredError):
        terms = torch.nn.functional.mse_loss(Z, y, reduction="none") / 2
    else:
        terms = torch.nn.functional.poisson_nll_loss(Z, y, log_input=True, reduction="none")
        terms = terms + torch.special.xlogy(y, y) - y
    return terms.sum(dim=1)


def compare_gradients(network, named):
    for layer, parameters in zip(network.layers, named, strict=True):
        for name, parameter in parameters.items():
            assert_close(layer.gradients[name].T, parameter.grad.numpy())


def compare_values(network, named):
    for layer, parameters in zip(network.layers, named, strict=True):
        for name, parameter in parameters.items():
            assert_close(layer.values[name].T, parameter.detach().numpy())


def make_network(loss, *layers, n_features=6):
    initializer = nn.INITIALIZERS["glorot_uniform"]
    dense = [nn.Dense(8, bias_initializer=initializer), *layers, nn.Dense(3)]
    return nn.Network(dense, loss, (n_features,), np.float64, seed=4)


def step(network, loss, X, y, weights=None):
    """Loss and gradients of ours and of the twin; returns the twin's parts."""
    module, named = twin(network)
    value = network.loss_and_gradients(X, y, weights, network.memories(training=True))
    losses = torch_losses(loss, module(tensor(X)), y)
    w = torch.ones(len(y)) if weights is None else tensor(weights)
    torch_value = (w * losses).sum() / w.sum()
    torch_value.backward()
    assert value == pytest.approx(torch_value.item(), rel=1e-9)
    return named


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", nn.ACTIVATIONS)
def test_loss_and_all_gradients_of_dense_networks(name, weighted, loss, make_targets, generator):
    activation = nn.ACTIVATIONS[name]
    network = make_network(loss, activation(), nn.Dense(7), activation())
    X, y = generator.standard_normal((11, 6)), make_targets(loss, 11, 3, generator)
    weights = generator.uniform(0, 2, 11) if weighted else None
    compare_gradients(network, step(network, loss, X, y, weights))


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_all_gradients_with_batch_norm(weighted, loss, make_targets, generator):
    network = make_network(loss, nn.BatchNorm(), nn.ReLU(), nn.Dense(7), nn.Tanh(), nn.BatchNorm())
    X, y = generator.standard_normal((11, 6)), make_targets(loss, 11, 3, generator)
    weights = generator.uniform(0, 2, 11) if weighted else None
    compare_gradients(network, step(network, loss, X, y, weights))


def test_batch_norm_over_several_batches(lone_layer, generator):
    layer = lone_layer(nn.BatchNorm(), (5,))
    layer.values["gamma"][...] = generator.uniform(0.5, 2, 5)
    layer.values["beta"][...] = generator.standard_normal(5)
    peer = torch.nn.BatchNorm1d(5, dtype=torch.float64)
    peer.weight.data, peer.bias.data = tensor(layer.values["gamma"]), tensor(layer.values["beta"])
    memory = nn.Memory(np.float64, training=True)
    for n in (8, 3, 2, 8):
        X, dY = 3 * generator.standard_normal((2, n, 5)) + 1
        inputs = tensor(X).requires_grad_()
        peer.zero_grad()
        outputs = peer(inputs)
        outputs.backward(tensor(dY))
        assert_close(layer.forward(X.copy(), memory), outputs.detach().numpy())
        assert_close(layer.backward(dY.copy(), memory), inputs.grad.numpy())
        assert_close(layer.gradients["gamma"], peer.weight.grad.numpy())
        assert_close(layer.gradients["beta"], peer.bias.grad.numpy())
        assert_close(layer.values["running_mean"], peer.running_mean.numpy())
        assert_close(layer.values["running_variance"], peer.running_var.numpy())
    peer.eval()
    X = generator.standard_normal((4, 5))
    assert_close(layer.forward(X, nn.Memory(np.float64)), peer(tensor(X)).detach().numpy())


class MuonAndAdamW:
    """PyTorch's Muon for the first weight, AdamW for all else."""

    def __init__(self, groups):
        (hidden, *weights), others = (group["params"] for group in groups)
        rest = [{"params": weights}, {"params": others}]
        options = {"lr": 0.01, "weight_decay": 0.3}
        self.parts = [
            torch.optim.Muon([hidden], adjust_lr_fn="match_rms_adamw", **options),
            torch.optim.AdamW(rest, eps=TINY, **options),
        ]
        self.param_groups = self.parts[1].param_groups

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for part in self.parts:
            part.step()


# Adam's ε is added after the correction of bias in PyTorch and before it here, as in the paper's
# shorter form: where ε does not count, the two agree.
TINY = 1e-100
OPTIMIZERS = {
    "sgd": (lambda: nn.SGD(momentum=0), lambda p: torch.optim.SGD(p, lr=0.01)),
    "momentum": (
        lambda: nn.SGD(momentum=0.9, nesterov=False),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    ),
    "nesterov": (
        lambda: nn.SGD(momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    ),
    "adam": (
        lambda: nn.Adam(0.8, 0.99, TINY),
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=TINY),
    ),
    "adamw": (
        lambda: nn.AdamW(epsilon=TINY, weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, lr=0.01, eps=TINY, weight_decay=0.3),
    ),
    "muon": (lambda: nn.Muon(epsilon=TINY, weight_decay=0.3), MuonAndAdamW),
}
if not hasattr(torch.optim, "Muon"):
    del OPTIMIZERS["muon"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trajectories_of_optimizers(name, generator, monkeypatch):
    # PyTorch's Muon would compute in bfloat16.
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    ours, theirs = OPTIMIZERS[name]
    loss = nn.SoftmaxCrossEntropy()
    # Normalization follows the activation: a bias just before it would have no gradient but
    # rounding errors, which Adam makes as large as any other.
    network = make_network(loss, nn.Tanh(), nn.BatchNorm())
    module, named = twin(network)
    # Weights and all others apart, so that only weights are decayed, as here.
    weights = [p["weight"] for p in named if "weight" in p]
    others = [p for parts in named for key, p in parts.items() if key != "weight"]
    optimizer = theirs([{"params": weights}, {"params": others}])
    optimizer.param_groups[1]["weight_decay"] = 0
    X, y = generator.standard_normal((24, 6)), generator.integers(3, size=24)
    plan = nn.TrainingPlan(ours(), nn.Constant(0.01), 8, 5, shuffle=False)
    for _ in network.fit_epochs(X, y, plan, generator):
        for start in range(0, 24, 8):
            rows = slice(start, start + 8)
            optimizer.zero_grad()
            torch_losses(loss, module(tensor(X[rows])), y[rows]).mean().backward()
            optimizer.step()
        compare_values(network, named)
    module.eval()
    probabilities = torch.softmax(module(tensor(X)), dim=1).detach().numpy()
    assert_close(network.predict(X), probabilities)
