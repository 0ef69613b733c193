"""What users, signals and the system do to processes that share the rows of a batch."""

import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays import forks
from digit_recognizer.nn.arrays.forks import can_fork
from digit_recognizer.nn.arrays.workers import Workers
from digit_recognizer.nn.rows import groups, stage
from digit_recognizer.nn.rows import team as row_team
from row_teams import data, hidden

pytestmark = pytest.mark.skipif(not can_fork(), reason="needs fork")


def training(optimizer=None, learning_rate=0.01, n_epochs=3, **options):
    """A network, its plan, and what `fit_epochs` takes."""
    X, y = data()
    network = nn.Network([*hidden(), nn.Dense(3)], nn.SoftmaxCrossEntropy(), X.shape[1:])
    schedule = nn.Constant(learning_rate)
    return (
        network,
        nn.TrainingPlan(optimizer or nn.Adam(), schedule, 128, n_epochs, **options),
        X,
        y,
    )


def fit(n_workers, change=lambda *objects: None, **options):
    """Bytes of the parameters of a training; `change` is called after each epoch."""
    network, plan, X, y = training(**options)
    epochs = network.fit_epochs(X, y, plan, 0)
    while not plan.is_over:
        with Workers(n_workers):
            next(epochs)
        change(X, network)
    return network.parameters.values.tobytes()


def test_epochs_in_the_same_workers_are_epochs(made):
    def fit_in_one(n_workers):
        network, plan, X, y = training()
        with Workers(n_workers):
            for record in network.fit_epochs(X, y, plan, 0):
                network.parameters.values *= np.float32(1 - 0.1 * record["epoch"])
        return network.parameters.values.tobytes()

    assert fit_in_one(2) == fit_in_one(1)
    (one,) = made
    assert not one.is_open


def test_data_that_change_between_epochs_do_so_for_all(made):
    def change(X, network):
        X *= np.float32(0.9)

    assert fit(2, change) == fit(1, change) != fit(1)
    assert len(made) == 3
    assert not any(one.is_open for one in made)


def test_of_large_data_few_rows_are_compared(made, monkeypatch):
    monkeypatch.setattr(row_team, "MOST_COMPARED", 1000)
    fit(2)
    (one,) = made
    assert 500 < len(one._first_data) <= 1000 + 4 * 70


def test_numbers_of_numpys_mean_the_same_to_all(made):
    results = {fit(n, learning_rate=np.float32(0.01)) for n in (1, 2)}
    assert len(results) == 1
    assert made


@pytest.mark.parametrize("error", [MemoryError, OSError, KeyboardInterrupt])
@pytest.mark.parametrize("place", ["rehearse", "fork"])
def test_what_goes_wrong_at_the_start_leaves_the_arrays_where_they_were(
    error, place, made, monkeypatch
):
    def failing(*arguments):
        raise error

    owner = {"rehearse": groups.RowGroups, "fork": stage.RowTeam}[place]
    monkeypatch.setattr(owner, place, failing)
    network, plan, X, y = training()
    parameters, optimizer = network.parameters, plan.optimizer
    own = parameters.values, parameters.gradients
    epochs = network.fit_epochs(X, y, plan, 0)
    with Workers(2):
        if error is KeyboardInterrupt:
            with pytest.raises(error):
                next(epochs)
        else:
            next(epochs)
    assert parameters.values is own[0]
    assert parameters.gradients is own[1]
    assert np.shares_memory(network.layers[0].values["weight"], own[0])
    assert all(is_own(state) for state in optimizer.states)
    assert not made[0].is_open


def is_own(array):
    """Whether it lies in memory of NumPy's."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base is None


def test_an_interrupt_in_the_middle_of_a_rest_is_made_up_for(made, monkeypatch):
    network, plan, X, y = training()
    values = network.parameters.values
    epochs = network.fit_epochs(X, y, plan, 0)
    hold = stage.RowTeam._hold

    def interrupted(self, arrays):
        monkeypatch.setattr(stage.RowTeam, "_hold", hold)
        raise KeyboardInterrupt

    workers = Workers(2)
    with pytest.raises(KeyboardInterrupt), workers:
        next(epochs)
        monkeypatch.setattr(stage.RowTeam, "_hold", interrupted)
    epochs.close()
    assert network.parameters.values is values
    assert all(map(is_own, plan.optimizer.states))
    assert not made[0].is_open


@pytest.mark.parametrize("optimizer", [nn.Adam, nn.Muon])
def test_an_optimizer_keeps_no_shared_memory(optimizer, made):
    network, plan, X, y = training(optimizer())
    epochs = network.fit_epochs(X, y, plan, 0)
    with Workers(2):
        next(epochs)
    assert made
    assert not plan.optimizer._shares
    assert not getattr(plan.optimizer, "_large", [])


def raising_share(flag):
    """An `update_share` whose second process comes to an overflow or the like."""
    original = nn.Adam.update_share

    def update_share(self, number, *arguments):
        original(self, number, *arguments)
        if number:
            function, *operands = row_team.FLOATING_POINT_ERRORS[flag]
            function(*operands)

    return update_share


@pytest.mark.parametrize(
    ("flag", "match"),
    [(1, "divide by zero"), (2, "overflow"), (4, "underflow"), (8, "invalid value")],
)
def test_floating_point_errors_of_another_process_are_told_as_the_user_wants(
    flag, match, made, monkeypatch
):
    monkeypatch.setattr(nn.Adam, "update_share", raising_share(flag))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match=match):
        fit(2)
    assert not made[0].is_open
    with np.errstate(all="warn"), pytest.warns(RuntimeWarning, match=match):
        fit(2)
    found = []
    with np.errstate(all="call", call=lambda kind, number: found.append(kind)):
        fit(2)
    assert match in found[0]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(2)
    assert len(made) == 4


def test_a_start_tells_of_no_floating_point_errors_of_its_own(made):
    X, y = data()
    layers = [nn.Dense(40), nn.SiLU(), nn.Dense(3)]
    network = nn.Network(layers, nn.SoftmaxCrossEntropy(), X.shape[1:])
    # Ones of all columns are too much for it, the rows of X are not.
    network.layers[0].values["weight"][...] = 1e37
    plan = nn.TrainingPlan(nn.SGD(), nn.Constant(0.0), 128, 1)
    with np.errstate(all="raise", under="ignore"), Workers(2):
        next(network.fit_epochs(X * np.float32(1e-36), y, plan, 0))
    assert made


INTERRUPTED_FORK = """
import _thread, os, signal, time
from digit_recognizer.nn.arrays.forks import Children
os.register_at_fork(after_in_parent=_thread.interrupt_main)
signal.signal(signal.SIGINT, signal.default_int_handler)
children = Children()
try:
    children.fork(time.sleep, 100)
except KeyboardInterrupt:
    print("interrupted", len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
children.close()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none is left")
"""


def test_an_interrupt_in_the_moment_of_a_fork_leaves_nobody():
    command = [sys.executable, "-c", INTERRUPTED_FORK]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["interrupted 0", "none is left"]


def test_an_interrupt_while_children_end_leaves_none(monkeypatch):
    children, status = forks.Children(), forks._status
    for _ in range(2):
        children.fork(time.sleep, 100)
    n_interrupts = iter(range(2))

    def interrupted(pid, wait=False):
        if wait and next(n_interrupts, None) is not None:
            raise KeyboardInterrupt
        return status(pid, wait)

    monkeypatch.setattr(forks, "_status", interrupted)
    pids = children._children
    with pytest.raises(KeyboardInterrupt):
        children.close()
    assert not children.is_open
    for pid in pids:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_forks_of_several_threads_leave_warnings_as_they_are(monkeypatch):
    before = warnings.filters
    first_is_out = threading.Event()

    def fork():
        if threading.current_thread() is second:
            # Where both may be inside, this one leaves last.
            first_is_out.wait(5)
        else:
            second.start()
            second.join(0.2)
        return 1

    monkeypatch.setattr(forks.os, "fork", fork)
    children = [forks.Children() for _ in range(2)]
    second = threading.Thread(target=children[1].fork, args=(None,))
    children[0].fork(None)
    first_is_out.set()
    second.join()
    for one in children:
        one._children = []
        one.close()
    found, warnings.filters = warnings.filters, before
    assert found is before
