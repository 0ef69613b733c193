"""Exponential moving average of the weights."""

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays import pieces


@pytest.fixture
def network():
    layers = [nn.Dense(4), nn.BatchNorm(), nn.ReLU(), nn.Dense(2)]
    return nn.Network(layers, nn.SquaredError(), (3,), np.float64)


def walk(network, average, n_steps=30, seed=0):
    """Average a random walk of the parameters; returns its points."""
    generator, points = np.random.default_rng(seed), []
    for _ in range(n_steps):
        values = network.parameters.values
        values += generator.standard_normal(len(values))
        average.update(network.parameters)
        points.append(values.copy())
    return points


def formula(points, decay):
    average = points[0]
    for t, point in enumerate(points):
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * point
    return average


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_average_follows_its_formula(network, decay):
    average = nn.MovingAverage(decay)
    points = walk(network, average)
    np.testing.assert_allclose(average.values, formula(points, decay), rtol=1e-12, atol=1e-12)


def test_averaging_leaves_the_network_as_it_is(network):
    average = nn.MovingAverage(0.9)
    before = network.parameters.values.copy()
    average.update(network.parameters)
    np.testing.assert_array_equal(network.parameters.values, before)
    assert not np.shares_memory(average.values, network.parameters.values)


def test_statistics_are_averaged_too(network):
    average = nn.MovingAverage(0.9)
    walk(network, average)
    statistics = slice(network.parameters.n_trainable, None)
    assert len(average.values[statistics])
    assert (average.values[statistics] != network.parameters.values[statistics]).all()


@pytest.mark.parametrize("piece_bytes", [8, 24, 100])
def test_pieces_do_not_matter(network, pickled, monkeypatch, piece_bytes):
    whole, cut, same = nn.MovingAverage(0.9), nn.MovingAverage(0.9), pickled(network)
    walk(network, whole)
    monkeypatch.setattr(pieces, "PIECE_BYTES", piece_bytes)
    walk(same, cut)
    np.testing.assert_array_equal(cut.values, whole.values)


def test_a_pickled_average_goes_on(network, pickled):
    average, same = nn.MovingAverage(0.9), pickled(network)
    walk(network, average, seed=0)
    straight = walk(network, average, seed=1) and average.values.copy()

    average = nn.MovingAverage(0.9)
    walk(same, average, seed=0)
    average = pickled(average)
    walk(same, average, seed=1)
    np.testing.assert_array_equal(average.values, straight)
