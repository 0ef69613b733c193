"""Muon against its definition, written plainly."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer import nn
from digit_recognizer.nn import muon as module
from digit_recognizer.nn.arrays import products
from digit_recognizer.nn.arrays.workers import Workers
from digit_recognizer.nn.muon import orthogonalize

RATES = [0.1 / (1 + 0.2 * step) for step in range(8)]
# Two hidden layers, of which one is a convolution with a norm, and the output layer.
SPECS = [
    [
        nn.ParameterSpec("weight", (3, 3, 2, 5), 0.0),
        nn.ParameterSpec("gamma", (5,), 1.0, decayed=False),
        nn.ParameterSpec("running_mean", (5,), 0.0, decayed=False, trainable=False),
    ],
    [],
    [nn.ParameterSpec("weight", (5, 40), 0.0), nn.ParameterSpec("bias", (40,), 0.0, decayed=False)],
    [nn.ParameterSpec("weight", (40, 3), 0.0), nn.ParameterSpec("bias", (3,), 0.0, decayed=False)],
]
HIDDEN = [(0, "weight"), (2, "weight")]


def quintic(U, epsilon=1e-8):
    """Five steps of Newton-Schulz as Jordan et al. write them."""
    a, b, c = 3.4445, -4.7750, 2.0315
    X = U / (np.linalg.norm(U) + epsilon)
    for _ in range(5):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X


def muon(w, gradients, momentum, nesterov, weight_decay):
    velocity = np.zeros_like(w)
    for rate, gradient in zip(RATES, gradients, strict=True):
        g = gradient(w)
        velocity = momentum * velocity + g
        update = (g + momentum * velocity if nesterov else velocity).reshape(-1, w.shape[-1])
        size = 0.2 * max(update.shape) ** 0.5
        w = w * (1 - rate * weight_decay) - rate * size * quintic(update).reshape(w.shape)
    return w


def made(dtype=np.float64, specs=SPECS, seed=1):
    parameters = nn.FlatParameters(specs, dtype)
    generator = np.random.default_rng(seed)
    for index in range(len(specs)):
        for array in parameters.layer_views(index)[0].values():
            array[...] = generator.standard_normal(array.shape)
    return parameters


def n_layers_of(parameters):
    return len(parameters._specs)


def named(parameters):
    return {
        (index, name): array.copy()
        for index in range(n_layers_of(parameters))
        for name, array in parameters.layer_views(index)[0].items()
    }


def run(optimizer, parameters, steps=range(8), l2=0.0):
    """Steps with random gradients, each drawn for its number."""
    for step in steps:
        generator = np.random.default_rng(step)
        for index in range(n_layers_of(parameters)):
            for array in parameters.layer_views(index)[1].values():
                array[...] = generator.standard_normal(array.shape)
        optimizer.step(parameters, RATES[step], l2)
    return named(parameters)


def gradients_of(key):
    """Those that `run` draws for an array, of each step."""
    found = []
    for step in range(len(RATES)):
        generator = np.random.default_rng(step)
        drawn = {
            (index, spec.name): generator.standard_normal(spec.shape)
            for index, layer in enumerate(SPECS)
            for spec in layer
            if spec.trainable
        }
        found.append(drawn[key])
    return found


def orthogonalized(U, scale=1.0, epsilon=1e-8):
    k = min(U.shape)
    out = np.full_like(U, np.nan)
    return orthogonalize(U, scale, epsilon, np.full((5 * k, k), np.nan, U.dtype), out)


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    rank=st.integers(1, 60),
    size=st.sampled_from([1e-4, 1.0, 1e6]),
    seed=st.integers(0, 2**32 - 1),
)
def test_singular_values_of_any_shape_and_rank_come_near_one(shape, rank, size, seed):
    generator = np.random.default_rng(seed)
    r, c = shape
    rank = min(rank, *shape)
    left, right = (np.linalg.qr(generator.standard_normal((n, rank)))[0] for n in (r, c))
    singular = generator.uniform(0.1, 1, rank)
    U = (size * (left * singular) @ right.T).astype(np.float32)
    values = np.linalg.svd(orthogonalized(U).astype(np.float64), compute_uv=False)
    assert (values[:rank] > 0.67).all()
    assert (values[:rank] < 1.21).all()
    assert (values[rank:] < 0.01).all()


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (20, 20), (9, 1), (1, 9), (1, 1), (150, 64)])
def test_the_orthogonalized_matrix_is_that_of_the_steps_as_written(shape, dtype):
    U = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    tolerance = {np.float32: 1e-5, np.float64: 1e-12}[dtype]
    expected = 0.3 * quintic(U.astype(np.float64))
    np.testing.assert_allclose(orthogonalized(U, 0.3), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-14])
def test_a_gradient_of_nothing_makes_no_step(size, dtype):
    U = np.full((6, 4), size, dtype)
    assert np.abs(orthogonalized(U)).max() < 1e-2


@pytest.mark.parametrize("size", [0.0, 1e-22, 1e-19])
@pytest.mark.parametrize("epsilon", [0.0, 1e-100])
def test_the_smallest_gradients_and_epsilons_give_numbers(size, epsilon):
    U = np.full((6, 4), size, np.float32)
    assert np.isfinite(orthogonalized(U, epsilon=epsilon)).all()


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize(
    ("momentum", "nesterov", "weight_decay"), [(0.95, True, 0.0), (0.8, False, 0.5), (0.0, True, 0)]
)
def test_hidden_weights_follow_the_definition(momentum, nesterov, weight_decay, l2):
    parameters = made()
    before = named(parameters)
    optimizer = nn.Muon(momentum, nesterov, weight_decay=weight_decay)
    after = run(optimizer, parameters, l2=l2)
    for key in HIDDEN:
        functions = [lambda w, g=g: g + l2 * w for g in gradients_of(key)]
        expected = muon(before[key], functions, momentum, nesterov, weight_decay)
        np.testing.assert_allclose(after[key], expected, rtol=1e-10, atol=1e-10)


def test_output_layer_biases_and_norms_take_adam_s_steps():
    settings = {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "weight_decay": 0.2}
    by_muon, by_adam = (
        run(optimizer, made(), l2=0.1) for optimizer in (nn.Muon(**settings), nn.Adam(**settings))
    )
    for key, array in by_muon.items():
        assert np.array_equal(array, by_adam[key]) == (key not in HIDDEN), key


def test_without_a_hidden_weight_it_is_adam():
    specs = SPECS[3:]
    by_muon, by_adam = (run(optimizer, made(specs=specs)) for optimizer in (nn.Muon(), nn.Adam()))
    for key, array in by_muon.items():
        np.testing.assert_array_equal(array, by_adam[key])


def test_a_step_has_adam_s_root_mean_square():
    parameters = made()
    before = named(parameters)
    run_once = run(nn.Muon(), parameters, steps=[0])
    for key in HIDDEN:
        step = run_once[key] - before[key]
        size = np.sqrt(np.square(step).mean())
        assert 0.2 * 0.68 < size / RATES[0] < 0.2 * 1.21


@pytest.mark.parametrize("resume", ["pickle", "resume"])
def test_resumed_steps_equal_uninterrupted_ones(resume, pickled):
    straight, parameters = made(), made()
    expected = run(nn.Muon(), straight)
    optimizer = nn.Muon()
    run(optimizer, parameters, steps=range(3))
    if resume == "pickle":
        optimizer = pickled(optimizer)
    else:
        other = nn.Muon()
        other.resume(optimizer.states, optimizer.n_steps, optimizer.learning_rate)
        optimizer = other
    actual = run(optimizer, parameters, steps=range(3, len(RATES)))
    for key, array in expected.items():
        np.testing.assert_array_equal(actual[key], array)


def test_a_fresh_one_starts_again_and_gaps_stay_zero():
    optimizer, parameters = nn.Muon(weight_decay=0.1), made()
    expected = run(optimizer, parameters, l2=0.1)
    again = run(optimizer.fresh(), made(), l2=0.1)
    for key, array in expected.items():
        np.testing.assert_array_equal(again[key], array)
    used = sum(array.size for array in expected.values())
    assert np.count_nonzero(parameters.values) == used < len(parameters.values)


LAYERS = {
    "dense": ((64,), lambda: [nn.Dense(50), nn.ReLU(), nn.Dense(30), nn.BatchNorm(), nn.Tanh()]),
    "images": (
        (8, 8, 1),
        lambda: [nn.Conv2D(4, 3), nn.BatchNorm(), nn.ReLU(), nn.Conv2D(6, 3), nn.Flatten()],
    ),
}


@pytest.fixture(params=LAYERS)
def train(request, teachable):
    """Trains a network of one kind with an optimizer; returns it and the losses of its epochs."""
    shape, layers = LAYERS[request.param]
    X, y = teachable

    def trained(optimizer, n_workers=1, n_epochs=3, rate=0.01, **plan):
        network = nn.Network([*layers(), nn.Dense(3)], nn.SoftmaxCrossEntropy(), shape)
        plan = nn.TrainingPlan(optimizer, nn.Constant(rate), 50, n_epochs, **plan)
        with Workers(n_workers):
            return network, [record["loss"] for record in network.fit_epochs(X, y, plan, 0)]

    return trained


@pytest.fixture(scope="module")
def teachable():
    """Rows of eight times eight values, and which of three random directions is each one's."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((300, 64), np.float32)
    return X, (X @ generator.standard_normal((64, 3))).argmax(axis=1)


def test_a_network_learns(train):
    _, losses = train(nn.Muon(), n_epochs=5)
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("shared_work", [products.SHARED_WORK, 2000])
def test_any_number_of_threads_gives_the_same_bytes(train, shared_work, monkeypatch):
    for where in (products, module):
        monkeypatch.setattr(where, "SHARED_WORK", shared_work)
    options = {"alpha": 0.1, "max_gradient_norm": 0.5, "average": nn.MovingAverage(0.9)}
    networks = [train(nn.Muon(), n_workers, **copy.deepcopy(options))[0] for n_workers in (1, 2, 5)]
    assert len({network.parameters.values.tobytes() for network in networks}) == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_gradient_that_is_not_finite_shows_in_the_weights():
    parameters = made()
    parameters.gradients[...] = np.inf
    nn.Muon().step(parameters, 0.1)
    assert np.isnan(named(parameters)[0, "weight"]).all()
