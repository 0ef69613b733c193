"""Processes that share the rows of a batch: the same bytes as one, and nothing is left."""

import gc
import os
import signal
import warnings

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays import team
from digit_recognizer.nn.arrays.forks import can_fork
from digit_recognizer.nn.arrays.workers import Workers
from digit_recognizer.nn.rows import contest, groups, stage
from row_teams import data, hidden, trained

pytestmark = pytest.mark.skipif(not can_fork(), reason="needs fork")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": np.float64},
        {"optimizer": nn.SGD()},
        {"optimizer": nn.AdamW()},
        {"optimizer": nn.Muon()},
        {"batch_size": 200},
        {"batch_size": 300},
        {"shuffle": False},
        {"drop_last": True},
        {"max_gradient_norm": 0.1},
        {"reduction": "sum"},
        {"max_steps": 11},
        {"average": nn.MovingAverage(0.9)},
        {"layers": []},
        {"layers": [nn.Dense(50, bias=False), nn.LeakyReLU(), nn.Identity()]},
        {"X_y": data(n_zero=40)},
    ],
    ids=str,
)
def test_any_number_of_processes_trains_to_the_same_bytes(options, made):
    alone = trained(1, **options)
    assert not made
    assert trained(2, **options) == alone
    assert trained(3, **options) == alone
    assert [one.n_workers for one in made] == [2, min(3, options.get("batch_size", 128) // 48)]
    assert all(one.n_shared for one in made)


def test_one_team_serves_all_epochs_and_ends_with_the_training(made):
    trained(2, n_epochs=4)
    (one,) = made
    # The last batch of an epoch is smaller.
    assert one.n_shared == 4 * 7
    assert not one.is_open


def test_zero_columns_are_left_out_by_all(made, monkeypatch):
    X_y = data(n_zero=40)
    found, some_columns = [], groups.SomeColumns

    def recorded(*arguments):
        found.append(some_columns(*arguments))
        return found[-1]

    monkeypatch.setattr(groups, "SomeColumns", recorded)
    trained(2, X_y=X_y, layers=[nn.Dense(600)])
    assert {one.values.shape[1] for one in found} == {32}


def test_products_that_parts_would_change_are_one_processs(made, monkeypatch):
    alone = trained(1)
    monkeypatch.setattr(stage, "is_alike", lambda layer, *sizes: layer.n_units != 30)
    assert trained(2) == alone
    assert [one.n_layers for one in made] == [2]
    # Of the first layer only for some numbers of columns.
    monkeypatch.setattr(stage, "is_alike", lambda *sizes: True)
    monkeypatch.setattr(groups, "is_alike", lambda *sizes: False)
    assert trained(2) == alone


def test_hyperparameters_may_change_from_step_to_step(made):
    def fade(optimizer):
        def on_step(clock, loss, rate):
            optimizer.beta_1 = 0.9 / clock.step

        return on_step

    results = []
    for n_workers in (1, 2):
        optimizer = nn.Adam()
        optimizer.fresh = lambda optimizer=optimizer: optimizer
        results.append(trained(n_workers, optimizer=optimizer, on_step=fade(optimizer)))
    assert results[0] == results[1] != trained(1)


def test_a_layer_that_changes_between_epochs_does_so_for_all(made):
    def train(n_workers):
        X, y = data()
        layers = [nn.Dense(40), nn.LeakyReLU(0.1), nn.Dense(3)]
        network = nn.Network(layers, nn.SoftmaxCrossEntropy(), X.shape[1:])
        plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 128, 3)
        for record in nn_epochs(network, X, y, plan, n_workers):
            network.layers[1].slope = 0.1 * record["epoch"]
            network.parameters.values *= np.float32(0.9)
        return network.parameters.values.tobytes()

    assert train(2) == train(1)
    assert made


def nn_epochs(network, X, y, plan, n_workers):
    epochs = network.fit_epochs(X, y, plan, 0)
    while not plan.is_over:
        with Workers(n_workers):
            record = next(epochs)
        yield record


def kill_at_step(made, step, how=signal.SIGKILL):
    def on_step(clock, loss, rate):
        if clock.step == step and made:
            os.kill(made[0]._children[0], how)
            os.waitid(os.P_PID, made[0]._children[0], os.WEXITED | os.WNOWAIT)

    return on_step


def test_the_fit_goes_on_alone_where_a_process_is_killed(made):
    alone = trained(1)
    with pytest.warns(RuntimeWarning, match="was killed .signal 9.: the fit goes on with one core"):
        assert trained(2, on_step=kill_at_step(made, 5)) == alone
    assert not made[0].is_open
    assert len(made) == 1


@pytest.mark.parametrize("phase", ["forward", "backward"])
def test_a_process_that_fails_in_a_batch_leaves_it_to_the_first(phase, made, monkeypatch):
    alone = trained(1)
    original = getattr(groups.RowGroups, phase)

    def failing(self, array, number, meet):
        if number and meet.__name__ == "meet":
            raise ValueError
        return original(self, array, number, meet)

    monkeypatch.setattr(groups.RowGroups, phase, failing)
    with warnings.catch_warnings():
        # What fails there fails here too, and is told then.
        warnings.simplefilter("error")
        assert trained(2) == alone
    assert made
    assert not made[0].is_open


def test_a_process_lost_in_an_update_ends_the_fit_in_a_sentence(made, monkeypatch):
    def update_share(self, number, *arguments):
        if number:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(nn.Adam, "update_share", update_share)
    with pytest.raises(RuntimeError, match="lost in the middle of a step: fit again"):
        trained(2)
    assert not made[0].is_open


def test_overflow_in_another_process_is_told(made):
    huge = nn.SGD(momentum=0.0)
    layers = [nn.Dense(40), nn.ReLU()]
    X, y = data()
    with np.errstate(all="ignore"):
        trained(2, layers, X_y=(X * np.float32(1e30), y), optimizer=huge)
    assert made


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_ends_a_training_ends_its_processes(error, made):
    def on_step(clock, loss, rate):
        if clock.step == 4:
            raise error

    with pytest.raises(error):
        trained(2, on_step=on_step)
    gc.collect()
    assert not made[0].is_open


def test_a_training_left_standing_ends_its_processes_with_itself(made):
    X, y = data()
    network = nn.Network([*hidden(), nn.Dense(3)], nn.SoftmaxCrossEntropy(), X.shape[1:])
    own = network.parameters.values
    epochs = network.fit_epochs(X, y, nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 128, 9), 0)
    with Workers(2):
        next(epochs)
    # Between epochs the parameters are where they were, in memory of this process alone.
    assert network.parameters.values is own
    assert np.shares_memory(network.layers[0].values["weight"], own)
    (one,) = made
    assert one.is_open
    del epochs
    assert not one.is_open


@pytest.mark.parametrize(
    "options",
    [
        {"layers": [nn.Dense(40), nn.BatchNorm(), nn.ReLU()]},
        {"layers": [nn.Dense(40), nn.Dropout(0.5)]},
        {"layers": [nn.Dense(40), nn.CustomActivation(np.sin, np.cos)]},
        {"batch_size": 90},
    ],
    ids=str,
)
def test_batches_that_cannot_be_cut_are_one_processs(options, made):
    assert trained(2, **options) == trained(1, **options)
    assert not made


def test_few_batches_are_not_worth_a_process(made, monkeypatch):
    monkeypatch.setattr(team, "WORTH_STARTING", 100)
    trained(2)
    assert not made


def test_batches_alone_and_together_take_turns_to_the_same_bytes(made, monkeypatch):
    class Turns:
        n = 0

        def choose(self):
            self.n += 1
            return [contest.ALONE, contest.TOGETHER][self.n // 3 % 2]

        def stop(self):
            self.n = 0

    monkeypatch.setattr(stage, "Contest", Turns)
    for optimizer in (nn.Adam(), nn.Muon()):
        assert trained(2, optimizer=optimizer) == trained(1, optimizer=optimizer)
    assert all(0 < one.n_shared < 3 * 7 for one in made)


def test_large_networks_are_left_to_threads(made, monkeypatch):
    monkeypatch.setattr(stage, "MOST_PARAMETERS", 1000)
    trained(2)
    assert not made


@pytest.mark.parametrize("stays", [False, True])
def test_many_short_epochs_are_worth_a_team_only_if_it_stays(stays, monkeypatch):
    seconds = iter(np.arange(1, 10, 0.01))
    monkeypatch.setattr(team.time, "monotonic", lambda: next(seconds))
    pace = team.Pace()
    worth = [pace.is_worth_starting(object(), 3, stays) for _ in range(40)]
    assert worth == [stays and n >= 15 for n in range(40)]
