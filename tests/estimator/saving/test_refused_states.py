"""Training states that are refused: of another training, and malformed ones."""

import copy

import numpy as np
import pytest
import scipy.sparse
from sklearn.model_selection import ShuffleSplit

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.estimator import TrainingState
from training_states import (
    SMALL,
    WEIGHTS,
    X_VAL,
    Y_VAL,
    Cube,
    X,
    Y,
    classifier,
    fit_and_keep,
    unfinished,
)


def go_on(state, data=(X, Y, WEIGHTS), **options):
    model = classifier(early_stopping=True, ema_decay=0.9, **options)()
    return list(model.fit_epochs(*data, state=state))


@unfinished
def test_the_state_itself_is_taken(state):
    assert len(go_on(state)) == 3
    assert len(go_on(state, verbose=False, warm_start=True, max_fun=3)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iter": 6}, "taken with max_iter=5, but max_iter is 6 now"),
        ({"random_state": 1}, "random_state=0, but random_state is 1 now"),
        ({"dropout": 0.1}, "dropout=0.0, but dropout is 0.1 now"),
        ({"hidden_layer_sizes": (13,)}, r"hidden_layer_sizes=\[12\]"),
        ({"augment": {"shift": 1}}, "augment=None"),
        ({"activation": (np.tanh, np.cos)}, "activation='relu'"),
        ({"solver": "lbfgs"}, "solver='adam', but solver is 'lbfgs' now"),
        ({"n_iter_no_change": np.inf}, "n_iter_no_change=10, but n_iter_no_change is inf now"),
    ],
    ids=str,
)
def test_a_state_of_other_parameters_is_refused(state, options, message):
    with pytest.raises(ValueError, match=message):
        go_on(state, **options)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ((X + 1, Y, WEIGHTS), "X"),
        ((X[:-1], Y[:-1], WEIGHTS[:-1]), "X"),
        ((X, np.roll(Y, 1), WEIGHTS), "X|y"),
        ((X, Y + 1, WEIGHTS), "classes"),
        ((X, Y, 2 * WEIGHTS), "sample_weight"),
        # Rows without weight are not set aside.
        ((X, Y, None), "X"),
        ((X.astype(np.float64), Y, WEIGHTS), "X"),
        ((scipy.sparse.csr_matrix(X), Y, WEIGHTS), "X"),
        ((X[:, :32], Y, WEIGHTS), "X"),
        ((X, Y, WEIGHTS, X_VAL, Y_VAL), "X"),
    ],
)
def test_a_state_of_other_data_is_refused(state, data, part):
    with pytest.raises(ValueError, match=rf"taken with other data \(({part}) is not what it was"):
        go_on(state, data)


@unfinished
def test_rows_that_are_split_at_random_are_refused_as_other_data():
    make = classifier(early_stopping=True, validation_fraction=ShuffleSplit(1, test_size=0.2))
    with pytest.raises(ValueError, match="taken with other data"):
        list(make().fit_epochs(X, Y, state=fit_and_keep(make(), (X, Y))[0]))


@pytest.mark.parametrize(
    "changed",
    [[nn.Dense(8), Cube(), nn.ReLU()], [nn.Dense(8), Cube(), nn.LeakyReLU(0.2)]],
    ids=["another layer", "another slope"],
)
def test_other_layers_beside_one_of_ones_own_are_refused(changed):
    def model(layers):
        return NumpyNetClassifier(architecture=layers, max_iter=3, random_state=0)

    first = model([nn.Dense(8), Cube(), nn.LeakyReLU(0.1)])
    next(first.fit_epochs(X, Y))
    with pytest.raises(ValueError, match="taken with architecture="):
        next(model(changed).fit_epochs(X, Y, state=first.training_state()))


def test_a_state_of_the_other_estimator_is_refused(state):
    model = NumpyNetRegressor(**SMALL)
    with pytest.raises(ValueError, match="of a NumpyNetClassifier, not of a NumpyNetRegressor"):
        next(model.fit_epochs(X, Y, state=state))


@unfinished
def test_other_parameters_are_refused_before_anything_is_forgotten(state, assert_same_model):
    model = classifier(early_stopping=True)().fit(X, Y)
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match=r"ema_decay=0\.9, but ema_decay is None"):
        next(model.fit_epochs(X, Y, state=state))
    assert_same_model(model, before)


@pytest.mark.parametrize("wrong", [b"bytes", {}, "text", 0])
def test_what_is_no_state_is_refused(wrong):
    with pytest.raises(ValueError, match="state must be a TrainingState, got"):
        go_on(wrong)


def places(value, place=()):
    """Paths to all values of a JSON document, but those of the signature."""
    yield place
    if isinstance(value, dict | list) and place != ("signature",):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*place, key))


@unfinished
@pytest.mark.parametrize("value", ["edited", None, [], {}, -1.5], ids=repr)
def test_plain_parts_of_another_kind_raise_nothing_but_valueerror(state, value):
    refused = 0
    for place in places(state.plain):
        if not place or (place[:2] == ("records", "history_") and len(place) > 3):
            continue
        changed = TrainingState(state.arrays, copy.deepcopy(state.plain))
        parent = changed.plain
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = value
        try:
            go_on(changed)
        except ValueError:
            refused += 1
    assert refused > 15


@unfinished
def test_any_missing_part_is_refused(state):
    for name in state.plain:
        plain = {k: v for k, v in state.plain.items() if k != name}
        with pytest.raises(ValueError, match=f"malformed: its {name} is missing or of no use"):
            go_on(TrainingState(state.arrays, plain))
    for name in state.arrays:
        arrays = {k: v for k, v in state.arrays.items() if k != name}
        with pytest.raises(ValueError, match=f"malformed: {name} missing or too many"):
            go_on(TrainingState(arrays, state.plain))


@pytest.mark.parametrize("part", [None, "clock", "optimizer", "average", "records"])
def test_any_unknown_part_is_refused(state, part):
    plain = copy.deepcopy(state.plain)
    (plain if part is None else plain[part])["more"] = 1
    with pytest.raises(ValueError, match=r"malformed: 'more' in its .* is unknown"):
        go_on(TrainingState(state.arrays, plain))


@pytest.mark.parametrize("name", ["values", "optimizer.0", "optimizer.1", "average", "best"])
def test_arrays_of_another_shape_or_dtype_are_refused(state, name):
    for array in (state.arrays[name][1:], state.arrays[name].astype(np.float64)):
        with pytest.raises(ValueError, match=f"malformed: its {name} are"):
            go_on(TrainingState(state.arrays | {name: array}, state.plain))
