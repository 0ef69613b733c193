"""Training that stops after an epoch and goes on elsewhere, to the same bytes."""

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from training_states import (
    CASES,
    SGD,
    SMALL,
    WEIGHTS,
    X_VAL,
    Y_VAL,
    X,
    Y,
    assert_same,
    assert_same_state,
    classifier,
    fit_and_keep,
    through_bytes,
    unfinished,
)

DATA = {
    "sample weights": (X, Y, WEIGHTS),
    "float64": (X.astype(np.float64), Y, WEIGHTS.astype(np.float64)),
    "sparse": (scipy.sparse.csr_matrix(X), Y),
    "sparse columns": (scipy.sparse.csc_matrix(X), Y),
    "two classes": (X, Y > 4),
    "strings": (X, np.array(list("abcdefghij"))[Y]),
    "several labels": (X, np.column_stack([Y > 4, Y % 2 == 0])),
    "given validation": (X, Y, None, X_VAL, Y_VAL),
    "given validation, weights": (X, Y, WEIGHTS, X_VAL, Y_VAL),
}
REGRESSION = {
    "adam": {},
    "poisson": {"loss": "poisson"},
    "average, early stopping": {"ema_decay": 0.9, "early_stopping": True},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 1e-4,
        "tol": 10.0,
        "n_iter_no_change": 1,
    },
}


def assert_goes_on_after_each_epoch(make, data):
    fitted, whole = make(), make()
    fitted.fit(*data)
    states = fit_and_keep(whole, data)
    if make().random_state is not None:
        assert fitted._network.parameters.values.tobytes() == (
            whole._network.parameters.values.tobytes()
        )
    assert len(states) >= 3
    for epoch, state in enumerate(states, start=1):
        fresh = make()
        rest = list(fresh.fit_epochs(*data, state=state))
        assert [record["epoch"] for record in rest] == list(range(epoch + 1, len(states) + 1))
        assert_same(fresh, whole, data)
    return whole


@unfinished
@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
def test_an_interrupted_training_ends_at_the_same_bytes(options):
    assert_goes_on_after_each_epoch(classifier(**options), (X, Y))


@unfinished
@pytest.mark.parametrize("data", DATA.values(), ids=DATA.keys())
@pytest.mark.parametrize("options", [{}, {"early_stopping": True, "ema_decay": 0.9}], ids=str)
def test_an_interrupted_training_on_any_data_ends_at_the_same_bytes(data, options):
    assert_goes_on_after_each_epoch(classifier(batch_norm=True, **options), data)


@unfinished
@pytest.mark.parametrize("options", REGRESSION.values(), ids=REGRESSION.keys())
@pytest.mark.parametrize("n_targets", [1, 2])
def test_an_interrupted_regression_ends_at_the_same_bytes(options, n_targets):
    rows, y = load_diabetes(return_X_y=True)
    rows, y = scale(rows)[:200], scale(y)[:200]
    y = np.exp(y) if n_targets == 1 else np.exp(np.column_stack([y, rows[:, 0]]))
    make = lambda: NumpyNetRegressor(**SMALL | options)  # noqa: E731
    assert_goes_on_after_each_epoch(make, (rows, y))


@unfinished
def test_the_cases_divide_their_rate_and_stop_early():
    for name, epochs in (("sgd adaptive", 30), ("sgd adaptive, early stopping", 30)):
        model = classifier(**CASES[name])().fit(X, Y)
        rates = {record["learning_rate"] for record in model.history_}
        assert len(rates) > 1, name
        assert len(model.history_) < epochs, name
    for name in ("early stopping", "early stopping, average", "adam that converges"):
        model = classifier(**CASES[name])().fit(X, Y)
        assert 5 < len(model.history_) + 2 < model.max_iter, name
    scores = classifier(**CASES["early stopping"])().fit(X, Y).validation_scores_
    assert np.argmax(scores) < len(scores) - 1


@unfinished
def test_a_training_may_be_interrupted_after_every_epoch():
    make = classifier(**CASES["early stopping, average"])
    whole = make()
    n_epochs = len(fit_and_keep(whole, (X, Y)))
    state = None
    for _ in range(n_epochs):
        part = make()
        next(part.fit_epochs(X, Y, state=state))
        state = through_bytes(part.training_state())
    last = make()
    assert list(last.fit_epochs(X, Y, state=state)) == []
    assert_same(last, whole, (X, Y))


@unfinished
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_each_step_is_told_with_how_many_are_taken(solver):
    told = []

    def on_step(clock, loss, learning_rate):
        told.append((clock.step, clock.n_steps, math.isfinite(loss), learning_rate))

    model = NumpyNetClassifier(**SMALL | {"solver": solver})
    records = list(model.fit_epochs(X, Y, on_step=on_step))
    n_steps, rate = (5 * 4, 0.001) if solver == "adam" else (5, None)
    assert told == [(step, n_steps, True, rate) for step in range(1, n_steps + 1)]
    assert len(records) == 5


@unfinished
@pytest.mark.parametrize("name", ["adam", "average", "early stopping", "early stopping, average"])
def test_a_state_taken_after_leaving_the_loop_is_that_of_the_epoch(name):
    make = classifier(**CASES[name])
    # With early stopping the last epoch is not the best.
    last = len(make().fit(X, Y).history_)
    left = make()
    for record in left.fit_epochs(X, Y):
        inside = left.training_state()
        if record["epoch"] == last:
            break
    assert_same_state(left.training_state(), inside)


@unfinished
@pytest.mark.parametrize("name", ["adam", "sgd adaptive", "early stopping, average"])
def test_the_state_of_a_finished_training_trains_nothing_more(name):
    make = classifier(**CASES[name])
    whole = make()
    last = fit_and_keep(whole, (X, Y))[-1]
    state = through_bytes(whole.training_state())
    for array in state.arrays:
        assert state.arrays[array].tobytes() == last.arrays[array].tobytes(), array
    again = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(again.fit_epochs(X, Y, state=state)) == []
    assert_same(again, whole, (X, Y))


def test_what_was_still_to_be_decided_is_decided_with_the_same_messages(capsys):
    make = classifier(**CASES["sgd adaptive"] | {"verbose": True, "max_iter": 4})
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(4\) reached"):
        make().fit(X, Y)
    expected = capsys.readouterr().out
    assert "Setting learning rate to" in expected
    printed, state = "", None
    for _ in range(4):
        model = make()
        next(model.fit_epochs(X, Y, state=state))
        state = model.training_state()
        printed += capsys.readouterr().out
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(4\) reached"):
        assert list(make().fit_epochs(X, Y, state=state)) == []
    assert printed + capsys.readouterr().out == expected


@unfinished
def test_taking_a_state_changes_nothing_and_shares_nothing(assert_same_model):
    make = classifier(**CASES["early stopping, average"])
    watched, alone = make(), make()
    for _ in watched.fit_epochs(X, Y):
        state = watched.training_state()
        for array in state.arrays.values():
            array[...] = 7
        state.plain.clear()
    assert_same_model(watched, alone.fit(X, Y))


@unfinished
def test_a_state_goes_on_in_an_estimator_that_knows_something_else():
    make = classifier(warm_start=True)
    whole = make()
    states = fit_and_keep(whole, (X, Y))
    used = make().set_params(hidden_layer_sizes=(3,)).fit(X[::-1], Y)
    used.set_params(hidden_layer_sizes=SMALL["hidden_layer_sizes"])
    list(used.fit_epochs(X, Y, state=states[1]))
    assert_same(used, whole, (X, Y))


@unfinished
def test_a_state_of_a_warm_start_goes_on_with_it():
    make = classifier(warm_start=True, ema_decay=0.9, **SGD | {"learning_rate": "invscaling"})
    whole = make().fit(X, Y)
    states = fit_and_keep(whole, (X, Y))
    assert whole.n_iter_ == 5 and len(whole.history_) == 10
    for state in states:
        fresh = make()
        list(fresh.fit_epochs(X, Y, state=state))
        assert_same(fresh, whole, (X, Y))


@unfinished
def test_a_state_may_be_gone_on_from_twice():
    make = classifier()
    whole = make()
    state = fit_and_keep(whole, (X, Y))[1]
    for _ in range(2):
        fresh = make()
        list(fresh.fit_epochs(X, Y, state=state))
        assert_same(fresh, whole, (X, Y))


@unfinished
def test_other_ways_of_training_go_on_after_a_resumed_one_as_after_any(assert_same_model):
    make = classifier()
    whole = make()
    states = fit_and_keep(whole, (X, Y))
    fresh = make()
    list(fresh.fit_epochs(X, Y, state=states[2]))
    assert_same_model(fresh.partial_fit(X, Y), whole.partial_fit(X, Y))


@unfinished
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_an_estimator_have_its_state(copied):
    model = classifier(**CASES["average"])()
    epochs = model.fit_epochs(X, Y)
    next(epochs)
    next(epochs)
    assert_same_state(copied(model).training_state(), model.training_state())


@unfinished
def test_records_of_ones_own_go_with_the_state():
    make = classifier()
    model = make()
    for record in model.fit_epochs(X, Y):
        record["accuracy"] = np.float32(0.1) * record["epoch"]
        record["note"] = "é"
        if record["epoch"] == 2:
            break
    fresh = make()
    list(fresh.fit_epochs(X, Y, state=through_bytes(model.training_state())))
    assert fresh.history_[1]["accuracy"] == np.float32(0.1) * 2
    assert fresh.history_[1]["note"] == "é"
