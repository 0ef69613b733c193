"""The same random_state: the same bytes, whichever way a fit is cut, stored or run."""

import pickle

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# Nothing ends a training early.
ENDLESS = {"n_iter_no_change": np.inf, "random_state": 0, "batch_size": 32}
OPTIONS = [
    {},
    {"solver": "adamw", "architecture": "12N-BN-R-D0.25-6N-T"},
    {"dropout": 0.3, "batch_norm": True, "ema_decay": 0.9},
    {"solver": "sgd", "max_gradient_norm": 0.1, "activation": ["silu"]},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
]
with_options = pytest.mark.parametrize("options", OPTIONS, ids=str)


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))


@with_options
def test_two_fits_are_equal(problem, options, assert_same_model):
    make, X, y = problem
    first, second = (make(max_iter=4, **ENDLESS, **options).fit(X, y) for _ in range(2))
    assert_same_model(first, second)
    assert first.loss_curve_ == second.loss_curve_


@with_options
def test_a_warm_start_in_two_halves_with_a_pickle_between_equals_one_fit(
    both, options, assert_same_model
):
    make, X, y = both
    whole = make(max_iter=6, **ENDLESS, **options).fit(X, y)
    halves = make(max_iter=3, warm_start=True, **ENDLESS, **options).fit(X, y)
    halves = through_pickle(halves).fit(X, y)
    assert_same_model(halves, whole)
    assert halves.loss_curve_ == whole.loss_curve_


@with_options
def test_partial_fits_with_a_pickle_between_equal_one_fit(both, options, assert_same_model):
    make, X, y = both
    whole = make(max_iter=4, **ENDLESS, **options).fit(X, y)
    parts = make(**ENDLESS, **options)
    classes = {"classes": np.unique(y)} if make is NumpyNetClassifier else {}
    for _ in range(4):
        parts = through_pickle(parts.partial_fit(X, y, **classes))
    assert_same_model(parts, whole)


@pytest.mark.parametrize(
    "options",
    [{"early_stopping": True}, {"class_weight": "balanced"}, {"label_smoothing": 0.1}],
    ids=str,
)
def test_options_of_the_classifier_go_on_in_halves(iris, options, assert_same_model):
    whole = NumpyNetClassifier(max_iter=6, **ENDLESS, **options).fit(*iris)
    halves = NumpyNetClassifier(max_iter=3, warm_start=True, **ENDLESS, **options).fit(*iris)
    halves = through_pickle(halves).fit(*iris)
    assert halves.loss_curve_[:3] == whole.loss_curve_[:3]
    if "early_stopping" not in options:  # which goes on from the best weights
        assert_same_model(halves, whole)


def test_a_validation_set_of_a_warm_start_changes_nothing(both, assert_same_model):
    make, X, y = both
    whole = make(max_iter=6, **ENDLESS).fit(X, y)
    halves = make(max_iter=3, warm_start=True, **ENDLESS).fit(X, y, X_val=X, y_val=y)
    assert_same_model(halves.fit(X, y), whole)
    assert len(halves.history_) == 6


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_global_random_state_is_neither_read_nor_moved(both, solver, assert_same_model):
    make, X, y = both
    models = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        models.append(make(max_iter=3, solver=solver, dropout=0.0, random_state=0).fit(X, y))
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert_same_model(*models)
