"""Learning rates at the start, on the way and at the end."""

import numpy as np
import pytest

from digit_recognizer.nn import Adaptive, Clock, Constant, Cosine, InverseScaling, OneCycle


def at(fraction):
    return Clock(step=round(1000 * fraction), n_steps=1000)


def test_clock_tells_the_share_of_the_steps_taken():
    assert Clock().fraction == 0
    assert Clock(step=7).fraction == 0  # none planned
    assert at(0.25).fraction == 0.25
    assert Clock(step=12, n_steps=10).fraction == 1


@pytest.mark.parametrize("fraction", [0, 0.5, 1])
def test_constant_stays(fraction):
    assert Constant(0.3).rate(at(fraction)) == 0.3


@pytest.mark.parametrize("power", [0.5, 0.25, 1.0])
def test_inverse_scaling_is_the_formula_of_scikit_learn(power):
    schedule = InverseScaling(0.3, power)
    for t in (0, 1, 99, 12345):
        assert schedule.rate(Clock(n_seen=t)) == 0.3 / (t + 1) ** power


def test_cosine_falls_from_the_rate_to_0():
    rates = [Cosine(0.4).rate(at(fraction)) for fraction in (0, 0.25, 0.5, 0.75, 1)]
    expected = [0.4, 0.2 * (1 + np.sqrt(0.5)), 0.2, 0.2 * (1 - np.sqrt(0.5)), 0]
    np.testing.assert_allclose(rates, expected, atol=1e-15)


def test_one_cycle_climbs_to_the_rate_then_falls_to_0():
    rates = [OneCycle(0.4).rate(at(fraction)) for fraction in (0, 0.1, 0.2, 0.6, 1)]
    np.testing.assert_allclose(rates, [0.04, 0.22, 0.4, 0.2, 0], atol=1e-15)


def test_one_cycle_takes_its_warm_up_and_first_rate():
    schedule = OneCycle(1.0, warm_up=0.5, first=0.2)
    rates = [schedule.rate(at(fraction)) for fraction in (0, 0.25, 0.5, 0.75)]
    np.testing.assert_allclose(rates, [0.2, 0.6, 1, 0.5])


def test_one_cycle_without_warm_up_only_falls():
    schedule = OneCycle(1.0, warm_up=0.0)
    np.testing.assert_allclose([schedule.rate(at(f)) for f in (0, 0.5, 1)], [1, 0.5, 0])


def test_one_cycle_is_highest_at_its_peak():
    rates = [OneCycle(0.4).rate(at(step / 1000)) for step in range(1001)]
    assert np.argmax(rates) == 200
    assert (np.diff(rates[:201]) > 0).all()
    assert (np.diff(rates[200:]) < 0).all()


def test_adaptive_divides_by_5_on_a_plateau_until_the_rate_is_tiny():
    schedule = Adaptive(5e-5)
    rates = []
    while schedule.on_plateau():
        rates.append(schedule.rate(at(0.5)))
    np.testing.assert_allclose(rates, [1e-5, 2e-6, 4e-7])


@pytest.mark.parametrize("schedule", [Constant(1), InverseScaling(1), Cosine(1), OneCycle(1)])
def test_other_schedules_end_the_training_on_a_plateau(schedule):
    before = schedule.learning_rate
    assert not schedule.on_plateau()
    assert schedule.learning_rate == before
