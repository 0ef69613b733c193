"""Choosing the faster of two ways, which changes."""

import numpy as np
import pytest

from digit_recognizer.nn.rows import contest
from digit_recognizer.nn.rows.contest import ALONE, TOGETHER, Contest


@pytest.fixture
def shares(monkeypatch):
    """``shares(seconds, n)``: n batches of so many seconds each way; those done together."""
    clock = [0.0]
    monkeypatch.setattr(contest.time, "perf_counter", lambda: clock[0])
    one = Contest()

    def run(seconds, n):
        ways = []
        for _ in range(n):
            ways.append(one.choose())
            clock[0] += seconds[ways[-1]]
        return sum(ways) / n

    run.contest, run.clock = one, clock
    return run


def test_a_training_begins_alone_and_goes_on_together_where_that_is_faster(shares):
    assert shares({ALONE: 1.0, TOGETHER: 9.0}, contest.TURN) == 0
    assert shares({ALONE: 1.0, TOGETHER: 0.6}, 5000) > 0.9


def test_where_meeting_takes_longer_it_is_hardly_tried(shares):
    assert shares({ALONE: 1.0, TOGETHER: 2.4}, 5000) < 0.1


def test_what_changes_is_noticed(shares):
    shares({ALONE: 1.0, TOGETHER: 0.6}, 1000)
    # The machine is busy for a while.
    assert shares({ALONE: 1.0, TOGETHER: 2.4}, 1000) < 0.2
    shares({ALONE: 1.0, TOGETHER: 0.6}, 100 * contest.TURN)
    assert shares({ALONE: 1.0, TOGETHER: 0.6}, 1000) > 0.9


def test_what_a_user_does_between_epochs_does_not_count(shares):
    # Epochs are shorter than turns.
    together = []
    for _ in range(100):
        together.append(shares({ALONE: 1.0, TOGETHER: 0.6}, 20))
        shares.contest.stop()
        shares.clock[0] += 1000.0
    assert np.mean(together[50:]) > 0.9


def test_a_trial_that_is_hopeless_ends_early(shares):
    shares({ALONE: 1.0, TOGETHER: 1.0}, contest.TURN)
    seconds = {ALONE: 1.0, TOGETHER: 40.0}
    n_together = contest.TURN * shares(seconds, contest.TURN)
    assert 0 < n_together < 4
