"""Models stored, copied and brought back."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def through_joblib(model, folder, **options):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", **options)


WAYS = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "joblib": through_joblib,
    "joblib, mapped read-only": lambda model, folder: through_joblib(model, folder, mmap_mode="r"),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
}
OPTIONS = [
    {},
    {"solver": "adamw", "batch_norm": True, "dropout": 0.3, "ema_decay": 0.9},
    {"solver": "sgd", "learning_rate": "adaptive"},
]
with_options = pytest.mark.parametrize("options", OPTIONS, ids=str)


@pytest.fixture(params=WAYS)
def restore(request, tmp_path):
    """A function that stores a model and brings it back."""
    return lambda model: WAYS[request.param](model, tmp_path)


def test_what_comes_back_predicts_the_same_bytes(problem, restore):
    make, X, y = problem
    model = make(max_iter=3, batch_norm=True, random_state=0).fit(X, y)
    restored = restore(model)
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    assert restored.get_params() == model.get_params()


@with_options
def test_what_comes_back_goes_on_by_partial_fit_as_the_model_does(
    both, restore, options, assert_same_model
):
    make, X, y = both
    model = make(max_iter=3, random_state=0, **options).fit(X, y)
    restored = restore(model)
    for _ in range(3):
        model.partial_fit(X, y)
        restored.partial_fit(X, y)
    assert restored.loss_curve_ == model.loss_curve_
    assert_same_model(restored, model)


@with_options
def test_what_comes_back_goes_on_by_warm_start_as_the_model_does(
    both, restore, options, assert_same_model
):
    make, X, y = both
    model = make(max_iter=3, random_state=0, warm_start=True, **options).fit(X, y)
    restored = restore(model)
    assert_same_model(restored.fit(X, y), model.fit(X, y))
    assert len(restored.loss_curve_) == 6


def test_early_stopping_goes_on_from_the_best_weights(both, restore, assert_same_model):
    make, X, y = both
    options = {"early_stopping": True, "warm_start": True, "learning_rate_init": 0.1}
    model = make(max_iter=4, random_state=0, **options).fit(X, y)
    restored = restore(model)
    assert_same_model(restored.fit(X, y), model.fit(X, y))
    assert restored.best_validation_score_ == model.best_validation_score_


def test_what_comes_back_stands_alone(both, restore):
    make, X, y = both
    model = make(max_iter=3, random_state=0).fit(X, y)
    restored = restore(model)
    before = model.predict(X)
    for _ in range(5):
        restored.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)
    restored.coefs_[-1][...] = 0
    assert len(np.unique(restored.predict(X))) == 1  # still views of what predicts


@pytest.mark.parametrize("Estimator", [NumpyNetClassifier, NumpyNetRegressor])
def test_an_estimator_that_is_not_fitted_can_be_stored_and_cannot_predict(Estimator, restore):
    restored = restore(Estimator(dropout=0.25))
    assert restored.dropout == 0.25
    with pytest.raises(NotFittedError):
        restored.predict([[0.0]])
    for name in ("coefs_", "intercepts_", "n_layers_"):
        assert not hasattr(restored, name)


def test_a_clone_has_the_parameters_and_nothing_fitted(problem, assert_same_model):
    make, X, y = problem
    model = make(max_iter=3, random_state=0, dropout=0.1, hidden_layer_sizes=(5, 4)).fit(X, y)
    cloned = clone(model)
    assert cloned.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        cloned.predict(X)
    assert_same_model(cloned.fit(X, y), model)


def test_a_stored_model_holds_its_numbers_about_three_times_and_no_buffers(iris):
    X, y = iris
    model = NumpyNetClassifier((300, 300), max_iter=2, random_state=0).fit(X, y)
    numbers = sum(array.nbytes for array in model.coefs_ + model.intercepts_)
    # Weights and Adam's two moments.
    assert len(pickle.dumps(model)) < 3.2 * numbers
