"""Scores that are not defined: NaN, infinite, refused by the scorer, or of a network that broke."""

import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.model_selection import PredefinedSplit

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator import TrainingState

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EARLY = {"early_stopping": True, "random_state": 3}
X = np.random.default_rng(0).normal(size=(300, 5))
RARE = (np.arange(300) < 4).astype(int)
THREE = np.arange(300) % 3
TARGET = X[:, 0]
BREAKS = {"solver": "sgd", "learning_rate_init": 1e200, "max_iter": 40, "random_state": 0}
BREAKS_LATER = BREAKS | {"learning_rate_init": 20, "batch_size": 300, "momentum": 0}
overflows = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def always(value):
    def scorer(estimator, X, y):
        return value

    return scorer


def scorer_of_rows(rows, scores):
    """One that gives the next of the scores for these rows."""
    scores = iter(scores)

    def scorer(estimator, X, y):
        return next(scores) if np.array_equal(X, rows) else 0.0

    return scorer


def fit_with_warnings(model, *arguments, **keywords):
    """Fit; returns the warnings but those of an unfinished training."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*arguments, **keywords)
    return [one for one in caught if not issubclass(one.category, ConvergenceWarning)]


# --- no epoch has a score ------------------------------------------------------------------------

UNDEFINED = {
    "no row of a class": (
        NumpyNetClassifier(scoring="roc_auc"),
        (X, RARE),
        {},
        r"roc_auc.*do not show class 1.*X_val and y_val",
    ),
    "X_val of one class": (
        NumpyNetClassifier(scoring="roc_auc"),
        (X, RARE),
        {"X_val": X[9:50], "y_val": RARE[9:50]},
        r"roc_auc.*do not show class 1",
    ),
    "NaN": (NumpyNetClassifier(scoring=always(np.nan)), (X, THREE), {}, "scorer.*returned nan"),
    "inf": (NumpyNetClassifier(scoring=always(np.inf)), (X, THREE), {}, "scorer.*returned inf"),
    "-inf": (NumpyNetRegressor(scoring=always(-np.inf)), (X, TARGET), {}, "returned -inf"),
    "one row": (
        NumpyNetRegressor(),
        (X, TARGET),
        {"X_val": X[:1], "y_val": TARGET[:1]},
        r"\(R²\).*less than two samples",
    ),
    "one row by a scorer": (
        NumpyNetRegressor(scoring="r2"),
        (X, TARGET),
        {"X_val": X[:1], "y_val": TARGET[:1]},
        "scoring='r2'.*less than two samples",
    ),
    "no weight": (
        NumpyNetClassifier(validation_fraction=PredefinedSplit(np.where(THREE, -1, 0))),
        (X, THREE, THREE),
        {},
        r"\(accuracy\).*no validation row has weight",
    ),
    "predictions overflow": (
        NumpyNetRegressor(loss="poisson"),
        (X, abs(TARGET)),
        {"X_val": X * 1e6, "y_val": abs(TARGET)},
        r"\(R²\).*predictions are not finite",
    ),
}


@overflows
@pytest.mark.parametrize("case", UNDEFINED)
def test_without_any_score_patience_ends_training_and_the_last_weights_stay(
    case, assert_same_model
):
    model, data, given, why = UNDEFINED[case]
    model.set_params(**EARLY)
    caught = fit_with_warnings(model, *data, **given)
    (message,) = [str(one.message) for one in caught if one.category is not RuntimeWarning]
    assert re.search(why, message)
    assert "weights are those of the last epoch" in message
    assert np.isnan(model.best_validation_score_)
    assert not np.isfinite(model.validation_scores_).any()
    assert model.n_iter_ == model.n_iter_no_change + 1
    if given:
        bare = {"early_stopping": False, "scoring": None, "max_iter": 11}
        plain = model.__class__(**model.get_params() | bare)
        assert_same_model(model, plain.fit(*data))


def test_an_average_stays_where_no_epoch_has_a_score(assert_same_model):
    options = EARLY | {"ema_decay": 0.9, "max_iter": 5, "scoring": always(np.nan)}
    averaged = NumpyNetClassifier(**options)
    plain = NumpyNetClassifier(**options | {"early_stopping": False, "scoring": None})
    with pytest.warns(UndefinedMetricWarning):
        averaged.fit(X, THREE, X_val=X, y_val=THREE)
    assert_same_model(averaged, plain.fit(X, THREE))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_watched_fit_says_once_that_no_epoch_has_a_score(solver):
    model = NumpyNetRegressor(solver=solver, max_iter=4)
    (one,) = fit_with_warnings(model, X, TARGET, X_val=X[:1], y_val=TARGET[:1])
    assert one.category is UndefinedMetricWarning
    assert "history_ holds none" in str(one.message)
    assert np.isnan([record["validation_score"] for record in model.history_]).all()


def test_a_score_that_comes_late_is_the_best_and_that_goes_is_no_improvement():
    scorer = scorer_of_rows(X[:30], [np.nan, np.inf, 0.5, 0.7, np.nan, -np.inf, 0.6, np.nan])
    model = NumpyNetClassifier(scoring=scorer, n_iter_no_change=3, **EARLY)
    kept = []
    for _ in model.fit_epochs(X, THREE, X_val=X[:30], y_val=THREE[:30]):
        kept.append(model.coefs_[0].copy())
    assert len(kept) == 8
    assert model.best_validation_score_ == 0.7
    np.testing.assert_array_equal(model.coefs_[0], kept[3])


def test_a_warm_start_without_scores_keeps_the_best_of_the_fit_before(assert_same_model):
    model = NumpyNetClassifier(warm_start=True, max_iter=3, **EARLY).fit(X, THREE)
    before = model.best_validation_score_, [array.copy() for array in model.coefs_]
    model.set_params(scoring=always(np.nan))
    (one,) = fit_with_warnings(model, X, THREE)
    assert "weights are those of the best epoch of an earlier fit" in str(one.message)
    assert model.best_validation_score_ == before[0]
    np.testing.assert_array_equal(model.coefs_[0], before[1][0])


def test_a_warm_start_goes_on_from_a_fit_without_scores():
    model = NumpyNetClassifier(warm_start=True, max_iter=3, scoring=always(np.nan), **EARLY)
    with pytest.warns(UndefinedMetricWarning):
        model.fit(X, THREE)
    model.set_params(scoring=None).fit(X, THREE)
    assert model.best_validation_score_ == max(model.validation_scores_[3:])


def test_a_state_holds_that_there_was_no_score(assert_same_model):
    options = EARLY | {"max_iter": 6, "scoring": always(np.nan)}
    whole, first, second = (NumpyNetClassifier(**options) for _ in range(3))
    with pytest.warns(UndefinedMetricWarning):
        whole.fit(X, THREE)
    for record in first.fit_epochs(X, THREE):
        if record["epoch"] == 3:
            state = TrainingState.from_bytes(first.training_state().to_bytes())
            break
    with pytest.warns(UndefinedMetricWarning):
        list(second.fit_epochs(X, THREE, state=state))
    assert_same_model(second, whole)


def test_a_fit_that_goes_on_does_not_complain_where_an_earlier_epoch_has_a_score():
    scorer = scorer_of_rows(X[:30], [0.5, np.nan, np.nan, np.nan])
    models = [NumpyNetClassifier(scoring=scorer, max_iter=4, **EARLY) for _ in range(2)]
    data, given = (X, THREE), {"X_val": X[:30], "y_val": THREE[:30]}
    for _ in models[0].fit_epochs(*data, **given):
        state = models[0].training_state()
        break
    assert len(list(models[1].fit_epochs(*data, **given, state=state))) == 3
    assert models[1].best_validation_score_ == 0.5


def test_a_model_without_a_score_is_saved_and_loaded(tmp_path, assert_same_model):
    model = NumpyNetRegressor(max_iter=3, **EARLY)
    with pytest.warns(UndefinedMetricWarning):
        model.fit(X, TARGET, X_val=X[:1], y_val=TARGET[:1])
    model.save(tmp_path / "model.safetensors")
    loaded = NumpyNetRegressor.load(tmp_path / "model.safetensors")
    assert np.isnan(loaded.best_validation_score_)
    assert_same_model(loaded, model)


# --- divergence ----------------------------------------------------------------------------------


@overflows
@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}], ids=str)
def test_divergence_in_the_first_epoch_is_that_error_with_any_scoring(scoring, options):
    model = NumpyNetRegressor(scoring=scoring, **BREAKS, **options)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.fit(X, TARGET, X_val=X[:50], y_val=TARGET[:50])
    if options:
        assert model.n_iter_ == 11


@overflows
@pytest.mark.parametrize("scoring", ["r2", "neg_mean_absolute_error"])
def test_divergence_later_ends_as_it_does_without_scoring(scoring, assert_same_model):
    given = {"X_val": X[:50], "y_val": TARGET[:50]}
    options = BREAKS_LATER | {"early_stopping": True}
    model, plain = (NumpyNetRegressor(scoring=one, **options) for one in (scoring, None))
    assert_same_model(model.fit(X, TARGET, **given), plain.fit(X, TARGET, **given))
    assert model.n_iter_ == plain.n_iter_ < 40
    assert np.isfinite(model.best_validation_score_)
    for record in model.history_[-5:]:
        assert np.isnan([record["train_score"], record["validation_score"]]).all()


@overflows
def test_divergence_of_a_classifier_is_no_accuracy():
    model = NumpyNetClassifier(scoring="accuracy", **BREAKS)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.fit(X, THREE, X_val=X[:50], y_val=THREE[:50])
    assert np.isnan(model.history_[-1]["validation_score"])
    assert np.isnan(model.history_[-1]["train_score"])


# --- the training rows ---------------------------------------------------------------------------


def test_a_train_score_that_raises_or_warns_is_nan_without_a_word():
    def scorer(estimator, data, y):
        if len(data) == 30:
            return 0.5
        warnings.warn("not on training rows", UserWarning, stacklevel=1)
        raise RuntimeError("not on training rows")

    given = {"X_val": X[:30], "y_val": THREE[:30]}
    model = NumpyNetClassifier(scoring=scorer, max_iter=3).fit(X[:20], THREE[:20], **given)
    assert np.isnan([record["train_score"] for record in model.history_]).all()
    assert [record["validation_score"] for record in model.history_] == [0.5] * 3


@pytest.mark.parametrize("seed", range(20))
def test_the_train_score_sees_every_class(seed):
    y = np.r_[np.zeros(100), np.ones(7), [2, 2]].astype(int)
    rows = [0, 100, 107]
    options = {"scoring": "neg_log_loss", "max_iter": 1, "random_state": seed}
    model = NumpyNetClassifier(**options).fit(X[:109], y, X_val=X[rows], y_val=y[rows])
    assert np.isfinite(model.history_[0]["train_score"])


def test_the_train_score_is_taken_on_rows_with_weight_by_each_class_share():
    y = np.repeat([0, 1, 2], [200, 90, 10])
    weight = np.tile([0.0, 1.0], 150)
    seen = []

    def scorer(estimator, data, labels):
        seen.append((data, labels))
        return 0.0

    model = NumpyNetClassifier(scoring=scorer, max_iter=1, random_state=0)
    model.fit(X, y, sample_weight=weight, X_val=X[:30], y_val=y[:30])
    data, labels = seen[0]
    assert np.bincount(labels).tolist() == [20, 9, 1]
    assert {row.tobytes() for row in data} <= {row.tobytes() for row in X[weight > 0]}
    assert len({row.tobytes() for row in data}) == 30
