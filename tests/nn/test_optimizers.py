"""Optimizers against their textbook formulas, array by array."""

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays import pieces

RATES = [0.1 / (1 + 0.2 * step) for step in range(20)]
SHAPES = {"weight": (5, 3), "bias": (3,), "gamma": (3,), "running_mean": (3,)}


def sgd(w, gradients, momentum, nesterov):
    v = np.zeros_like(w)
    for rate, g in zip(RATES, gradients, strict=True):
        v = momentum * v - rate * g(w)
        w = w + (momentum * v - rate * g(w) if nesterov else v)
    return w


def adam(w, gradients, beta_1, beta_2, epsilon, weight_decay=0.0):
    m = v = np.zeros_like(w)
    for t, (rate, g) in enumerate(zip(RATES, gradients, strict=True), start=1):
        gradient = g(w)
        w = w * (1 - rate * weight_decay)
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        step = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        w = w - step * m / (np.sqrt(v) + epsilon)
    return w


@pytest.fixture
def parameters():
    """Two layers, each with a weight, a bias, a norm and a statistic, at random values."""
    layer = [
        nn.ParameterSpec("weight", SHAPES["weight"], 0.0),
        nn.ParameterSpec("bias", SHAPES["bias"], 0.0, decayed=False),
        nn.ParameterSpec("gamma", SHAPES["gamma"], 0.0, decayed=False),
        nn.ParameterSpec(
            "running_mean", SHAPES["running_mean"], 0.0, decayed=False, trainable=False
        ),
    ]
    parameters = nn.FlatParameters([layer, layer], np.float64)
    generator = np.random.default_rng(1)
    for index in range(2):
        for array in parameters.layer_views(index)[0].values():
            array[...] = generator.standard_normal(array.shape)
    return parameters


def named(parameters):
    """(layer, name) → a copy of the values."""
    return {
        (index, name): array.copy()
        for index in range(2)
        for name, array in parameters.layer_views(index)[0].items()
    }


def draw_gradients(seed=2):
    """(layer, name) → gradients of 20 steps."""
    generator = np.random.default_rng(seed)
    return {
        (index, name): generator.standard_normal((20, *shape))
        for index in range(2)
        for name, shape in SHAPES.items()
        if name != "running_mean"
    }


def run(optimizer, parameters, gradients, steps=range(20), l2=0.0):
    """Take steps with given gradients; returns the values by name."""
    for step in steps:
        for index in range(2):
            for name, array in parameters.layer_views(index)[1].items():
                array[...] = gradients[index, name][step]
        optimizer.step(parameters, RATES[step], l2)
    return named(parameters)


def expect(before, gradients, formula, l2=0.0):
    """What a formula makes of each array, with the penalty's gradient on weights only."""
    after = dict(before)
    for key, steps in gradients.items():
        penalty = l2 if key[1] == "weight" else 0.0
        functions = [lambda w, g=g, penalty=penalty: g + penalty * w for g in steps]
        after[key] = formula(before[key], functions, key[1])
    return after


def assert_equal(actual, expected, rtol=1e-12):
    assert set(actual) == set(expected)
    for key, array in expected.items():
        np.testing.assert_allclose(actual[key], array, rtol=rtol, atol=rtol, err_msg=str(key))


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_follows_its_formula(momentum, nesterov, l2, parameters):
    before, gradients = named(parameters), draw_gradients()
    actual = run(nn.SGD(momentum, nesterov), parameters, gradients, l2=l2)
    expected = expect(before, gradients, lambda w, g, _: sgd(w, g, momentum, nesterov), l2)
    assert_equal(actual, expected)


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("settings", [(0.9, 0.999, 1e-8), (0.5, 0.9, 1e-3), (0.0, 0.0, 1e-8)])
def test_adam_follows_its_formula(settings, l2, parameters):
    before, gradients = named(parameters), draw_gradients()
    actual = run(nn.Adam(*settings), parameters, gradients, l2=l2)
    assert_equal(actual, expect(before, gradients, lambda w, g, _: adam(w, g, *settings), l2))


def test_adamw_follows_its_formula_and_decays_weights_only(parameters):
    before, gradients = named(parameters), draw_gradients()
    settings = (0.9, 0.999, 1e-8)
    actual = run(nn.AdamW(*settings, weight_decay=0.2), parameters, gradients)
    expected = expect(
        before,
        gradients,
        lambda w, g, name: adam(w, g, *settings, 0.2 if name == "weight" else 0.0),
    )
    assert_equal(actual, expected)


def test_adamw_decays_by_a_hundredth_by_default():
    assert nn.AdamW().weight_decay == 0.01
    assert nn.Adam().weight_decay == nn.SGD().weight_decay == 0


@pytest.mark.parametrize("optimizer", [nn.SGD(weight_decay=0.5), nn.AdamW(weight_decay=0.5)])
def test_decoupled_decay_alone_shrinks_weights_and_nothing_else(optimizer, parameters):
    before = named(parameters)
    still = {key: np.zeros_like(array) for key, array in draw_gradients().items()}
    after = run(optimizer, parameters, still)
    shrunk = np.prod([1 - 0.5 * rate for rate in RATES])
    expected = {key: w * (shrunk if key[1] == "weight" else 1) for key, w in before.items()}
    assert_equal(after, expected)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
def test_l2_alone_moves_weights_and_nothing_else(make, parameters):
    before = named(parameters)
    still = {key: np.zeros_like(array) for key, array in draw_gradients().items()}
    after = run(make(), parameters, still, steps=[0], l2=0.5)
    for key, array in before.items():
        if key[1] == "weight":
            assert (np.abs(after[key]) < np.abs(array)).mean() > 0.8
            assert (after[key] != array).all()
        else:
            np.testing.assert_array_equal(after[key], array)


@pytest.mark.parametrize("piece_bytes", [8, 24, 200])
@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.Muon])
def test_pieces_do_not_matter(make, piece_bytes, parameters, pickled, monkeypatch):
    gradients, same = draw_gradients(), pickled(parameters)
    whole = run(make(), parameters, gradients, l2=0.3)
    monkeypatch.setattr(pieces, "PIECE_BYTES", piece_bytes)
    cut = run(make(), same, gradients, l2=0.3)
    for key, array in whole.items():
        np.testing.assert_array_equal(cut[key], array)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.Muon])
def test_bind_and_pickle_keep_the_state(make, parameters, pickled):
    gradients, same = draw_gradients(), pickled(parameters)
    straight = run(make(), parameters, gradients)
    optimizer = make()
    run(optimizer, same, gradients, steps=range(7))
    run(optimizer, same, gradients, steps=range(7, 12))
    optimizer = pickled(optimizer)
    resumed = run(optimizer, same, gradients, steps=range(12, 20))
    assert optimizer.n_steps == 20
    for key, array in straight.items():
        np.testing.assert_array_equal(resumed[key], array)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
def test_a_state_stored_read_only_comes_back_writable(make, parameters, pickled):
    gradients, optimizer = draw_gradients(), make()
    run(optimizer, parameters, gradients, steps=[0])
    stored = optimizer.__getstate__()
    stored["states"] = tuple(
        np.frombuffer(state.tobytes(), state.dtype) for state in stored["states"]
    )
    restored, same = make(), pickled(parameters)
    restored.__setstate__(stored)
    expected = run(optimizer, parameters, gradients, steps=[1])
    assert_equal(run(restored, same, gradients, steps=[1]), expected, rtol=0)


def test_last_learning_rate_is_remembered(parameters):
    optimizer = nn.Adam()
    run(optimizer, parameters, draw_gradients(), steps=range(3))
    assert optimizer.learning_rate == RATES[2]


def test_gaps_between_arrays_stay_zero(parameters):
    run(nn.AdamW(), parameters, draw_gradients(), l2=0.1)
    used = sum(array.size for array in named(parameters).values())
    assert np.count_nonzero(parameters.values) == used < len(parameters.values)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.Muon])
def test_computes_in_the_dtype_of_the_parameters(make, dtype):
    spec = nn.ParameterSpec("weight", (40, 30), 1.0)
    parameters = nn.FlatParameters([[spec]], dtype)
    parameters.initialize(np.random.default_rng(0))
    parameters.gradients[...] = 1
    optimizer = make()
    optimizer.step(parameters, 0.1, l2=0.1)
    assert all(state.dtype == dtype for state in optimizer.states)
    assert (parameters.values < 1).all()


class RMSprop(nn.Optimizer):
    """One of a user's own, which calls no constructor of ours."""

    n_states = 1

    def __init__(self, rho=0.9):
        self.rho = rho

    def update(self, w, g, states, scratch, learning_rate):
        (v,) = states
        v *= self.rho
        v += (1 - self.rho) * g**2
        w -= learning_rate * g / (np.sqrt(v) + 1e-8)


def rmsprop(w, gradients, rho):
    v = np.zeros_like(w)
    for rate, g in zip(RATES, gradients, strict=True):
        gradient = g(w)
        v = rho * v + (1 - rho) * gradient**2
        w = w - rate * gradient / (np.sqrt(v) + 1e-8)
    return w


def test_an_optimizer_of_ones_own_says_its_update_only(parameters, pickled, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 200)
    before, gradients = named(parameters), draw_gradients()
    optimizer = RMSprop(0.8)
    run(optimizer, parameters, gradients, steps=range(7), l2=0.3)
    actual = run(pickled(optimizer), parameters, gradients, steps=range(7, 20), l2=0.3)
    assert_equal(actual, expect(before, gradients, lambda w, g, _: rmsprop(w, g, 0.8), l2=0.3))


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.Muon, RMSprop])
def test_a_fresh_optimizer_starts_again_and_leaves_the_other(make, parameters, pickled):
    gradients, same = draw_gradients(), pickled(parameters)
    optimizer = make()
    first = run(optimizer, parameters, gradients)
    assert_equal(run(optimizer.fresh(), same, gradients), first, rtol=0)
    assert optimizer.n_steps == 20


def test_an_optimizer_of_another_network_is_refused(parameters):
    optimizer = nn.Adam()
    optimizer.step(parameters, 0.1)
    other = nn.Network([nn.Dense(2)], nn.SquaredError(), (3,)).parameters
    with pytest.raises(ValueError, match=r"Adam has trained another network; .* fresh\(\)"):
        optimizer.step(other, 0.1)


class ReturnsTheNew(nn.Optimizer):
    def update(self, w, g, states, scratch, learning_rate):
        return w - learning_rate * g


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (ReturnsTheNew, TypeError, "ReturnsTheNew.update .* must change w in place"),
        (nn.Optimizer, NotImplementedError, "Optimizer has no method update"),
    ],
)
def test_an_update_that_moves_nothing_is_told(make, error, message, parameters):
    optimizer = make()
    with pytest.raises(error, match=message):
        optimizer.step(parameters, 0.1)
