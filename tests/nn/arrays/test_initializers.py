"""Initializers: the variance that their papers give."""

import numpy as np
import pytest

from digit_recognizer import nn

FAN_IN, FAN_OUT = 300, 100
VARIANCES = {"glorot": 2 / (FAN_IN + FAN_OUT), "he": 2 / FAN_IN, "lecun": 1 / FAN_IN}
VARIANCES["product"] = 1 / (3 * FAN_IN * FAN_OUT)


@pytest.mark.parametrize("name", nn.INITIALIZERS)
def test_weights_have_mean_0_and_the_variance_of_the_paper(name, generator):
    weights = nn.INITIALIZERS[name](generator, (FAN_IN, FAN_OUT), FAN_IN, FAN_OUT)
    variance = VARIANCES[name.split("_")[0]]
    assert weights.shape == (FAN_IN, FAN_OUT)
    assert abs(weights.mean()) < 3 * np.sqrt(variance / weights.size)
    assert weights.var() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("family", VARIANCES)
def test_uniform_weights_reach_to_their_bound_and_no_further(family, generator):
    weights = nn.INITIALIZERS[f"{family}_uniform"](generator, (FAN_IN, FAN_OUT), FAN_IN, FAN_OUT)
    bound = np.sqrt(3 * VARIANCES[family])
    assert 0.99 * bound < np.abs(weights).max() <= bound
    if family == "product":
        assert bound == pytest.approx(1 / np.sqrt(FAN_IN * FAN_OUT))
        return
    normal = nn.INITIALIZERS[f"{family}_normal"](generator, (FAN_IN, FAN_OUT), FAN_IN, FAN_OUT)
    assert np.abs(normal).max() > 1.5 * bound


def test_the_same_generator_draws_the_same_weights():
    draws = [
        nn.VarianceScaling(1.0)(np.random.default_rng(seed), (3, 2), 3, 2) for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).all()
