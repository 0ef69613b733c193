"""Scores that are not defined: NaN, infinite, refused by the scorer, or of a network that broke."""

import re
import threading
import warnings

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, BaggingRegressor
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import accuracy_score, log_loss, make_scorer, precision_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit, train_test_split
from sklearn.neural_network import MLPClassifier

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator import TrainingState
from digit_recognizer.estimator.fitting.scoring import takes_weights

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


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_many_rows_without_weight_do_no_harm(scoring):
    y = np.r_[THREE[:30], RARE[:270]]
    weight = np.r_[np.ones(30), np.zeros(270)]
    model = NumpyNetClassifier(scoring=scoring, max_iter=2, random_state=0)
    model.fit(X, y, sample_weight=weight, X_val=X[:9], y_val=y[:9])
    assert np.isfinite(model.history_[-1]["train_score"])


# --- the validation rows -------------------------------------------------------------------------


def rows_set_aside(make, y, sample_weight=None, **options):
    """Indices of the rows that a fit scores."""
    seen = []

    def scorer(estimator, data, labels):
        seen.append(data)
        return 0.0

    model = make(scoring=scorer, max_iter=1, **EARLY, **options)
    model.fit(X, y, sample_weight=sample_weight)
    return np.flatnonzero((X[:, np.newaxis] == seen[-1]).all(axis=2).any(axis=1)), model


def test_validation_rows_are_drawn_among_rows_with_weight():
    for make, y in ((NumpyNetClassifier, THREE), (NumpyNetRegressor, TARGET)):
        weight = (np.arange(300) % 5 == 0).astype(float)
        rows, model = rows_set_aside(make, y, weight, validation_fraction=0.2)
        assert len(rows) == 12
        assert weight[rows].all()
        assert model.t_ == 288
    assert np.bincount(THREE[rows]).size == 3


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_positive_weights_draw_the_rows_of_train_test_split(kind):
    stratify = {"binary": RARE, "multiclass": THREE}.get(kind)
    y = {"multilabel": (X[:, :3] > 0).astype(int), "regression": TARGET}.get(kind, stratify)
    make = NumpyNetRegressor if kind == "regression" else NumpyNetClassifier
    rows, model = rows_set_aside(make, y, np.linspace(0.1, 2, 300))
    same, _ = rows_set_aside(make, y)
    _, test = train_test_split(
        np.arange(300), test_size=0.1, random_state=model._split_seed, stratify=stratify
    )
    np.testing.assert_array_equal(rows, np.sort(test))
    np.testing.assert_array_equal(same, rows)


@pytest.mark.parametrize("sizes", [[290, 9, 1], [200, 98, 1, 1]], ids=str)
def test_a_class_of_one_row_does_not_end_the_strata_of_the_others(sizes):
    y = np.repeat(range(len(sizes)), sizes)
    rows, _ = rows_set_aside(NumpyNetClassifier, y, validation_fraction=0.2)
    counts = np.bincount(y[rows], minlength=3)
    assert abs(counts[:2] - 0.2 * np.array(sizes[:2])).max() <= 1


def test_more_classes_than_validation_rows_are_no_error():
    y = np.arange(30) % 10
    for Model in (NumpyNetClassifier, MLPClassifier):
        assert len(Model(max_iter=2, **EARLY).fit(X[:30], y).validation_scores_) == 2


def test_a_class_without_weight_is_set_aside_too():
    options = {"scoring": "neg_log_loss", "class_weight": {0: 0, 1: 1, 2: 1}, "max_iter": 2}
    assert np.isfinite(NumpyNetClassifier(**options, **EARLY).fit(X, THREE).best_validation_score_)


@pytest.mark.parametrize("seed", range(5))
def test_as_many_rows_as_classes_show_them_all(seed):
    y = np.r_[np.zeros(20), np.ones(10), np.full(7, 2), np.full(3, 3)]
    weight = np.random.default_rng(seed).integers(0, 2, 40)
    model = NumpyNetClassifier(scoring="neg_log_loss", **EARLY | {"max_iter": 1})
    assert np.isfinite(model.fit(X[:40], y, weight).best_validation_score_)


@pytest.mark.parametrize("n_weighted", [3, 9])
def test_two_rows_at_least_are_set_aside_of_few_with_weight(n_weighted):
    weight = (np.arange(300) < n_weighted).astype(float)
    rows, _ = rows_set_aside(NumpyNetRegressor, TARGET, weight)
    assert len(rows) == 2
    assert (rows < n_weighted).all()


def test_too_few_rows_with_weight_are_a_sentence():
    weight = (np.arange(300) < 2).astype(float)
    with pytest.raises(ValueError, match="none of the 2 rows with weight to train on"):
        NumpyNetRegressor(**EARLY).fit(X, TARGET, sample_weight=weight)


@pytest.mark.parametrize("seed", range(20))
def test_bagging_of_40_rows_fits(seed):
    few = EARLY | {"max_iter": 1, "hidden_layer_sizes": (4,)}
    options = {"n_estimators": 3, "random_state": seed}
    BaggingRegressor(NumpyNetRegressor(**few), **options).fit(X[:40], TARGET[:40])
    if seed < 5:
        net = NumpyNetClassifier(scoring="neg_log_loss", **few)
        BaggingClassifier(net, **options).fit(X[:40], THREE[:40])


def test_boosting_and_a_search_fit():
    few = EARLY | {"max_iter": 2, "hidden_layer_sizes": (4,)}
    learner = NumpyNetClassifier(**few | {"max_iter": 20, "learning_rate_init": 0.02})
    AdaBoostClassifier(learner, n_estimators=3, random_state=0).fit(X, X[:, 0] > 0)
    grid = {"scoring": [None, "f1_macro", "roc_auc_ovr"], "class_weight": [None, "balanced"]}
    search = GridSearchCV(NumpyNetClassifier(**few), grid, cv=2, error_score="raise")
    search.fit(X[:90], THREE[:90])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- scorers that refuse -------------------------------------------------------------------------


@pytest.mark.parametrize("names", [[0, 1, 2], ["a", "b", "c"]], ids=str)
def test_a_scorer_that_needs_a_class_the_rows_lack_is_an_error_that_names_both(names):
    y = np.array(names)[np.r_[THREE[:299] % 2, 2]]
    lacks = PredefinedSplit(np.where(np.arange(300) < 50, 0, -1))
    model = NumpyNetClassifier(scoring="neg_log_loss", validation_fraction=lacks, **EARLY)
    sentence = rf"scoring='neg_log_loss' .* do not show class {names[2]!r} .* X_val and y_val"
    with pytest.raises(ValueError, match=sentence):
        model.fit(X, y)
    model.set_params(scoring=None, max_iter=2).fit(X, y)
    assert len(model.validation_scores_) == 2


def test_a_label_that_no_validation_row_has_is_named():
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, RARE]).astype(int)
    model = NumpyNetClassifier(scoring="roc_auc", **EARLY)
    with pytest.warns(UndefinedMetricWarning, match="do not show both values of label 2"):
        model.fit(X, labels, X_val=X[50:], y_val=labels[50:])


def test_what_else_a_scorer_raises_is_kept_and_names_it():
    def broken(estimator, X, y):
        return {}["score"]

    for scoring, kind, name in ((broken, KeyError, "broken"), ("r2_score", ValueError, "scoring")):
        with pytest.raises(kind, match=name):
            NumpyNetClassifier(scoring=scoring, **EARLY).fit(X, THREE)
    with pytest.raises(ValueError, match="from scoring='accuracy', on the validation rows"):
        NumpyNetRegressor(scoring="accuracy", **EARLY).fit(X, TARGET)


def test_a_warning_about_a_score_that_there_is_is_shown_once_a_fit():
    model = NumpyNetClassifier(scoring="precision", **EARLY)
    (one,) = fit_with_warnings(model, X, RARE)
    assert "Precision is ill-defined" in str(one.message)
    assert model.best_validation_score_ == 0


def test_scoring_in_a_thread_leaves_the_filters_alone():
    seen, model = [], NumpyNetClassifier(max_iter=2)

    def scorer(estimator, X, y):
        seen.append(list(warnings.filters))
        return 0.0

    expected = [list(warnings.filters)] * 4
    model.set_params(scoring=scorer)
    thread = threading.Thread(target=model.fit, args=(X, THREE, None, X, THREE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [list(warnings.filters)] * 4
        thread.start()
        thread.join()
    assert seen == expected


# --- weights -------------------------------------------------------------------------------------


def without(estimator, X, y):
    return estimator.score(X, y)


def with_weights(estimator, X, y, sample_weight=None):
    return estimator.score(X, y, sample_weight)


@pytest.mark.parametrize(
    ("scorer", "takes"),
    [
        (None, False),
        (without, False),
        (with_weights, True),
        (make_scorer(accuracy_score), True),
        (make_scorer(log_loss, response_method="predict_proba"), True),
        (make_scorer(lambda y, predicted: 0.0), False),
        (make_scorer(precision_score, average="macro"), True),
        (max, False),
    ],
)
def test_whether_a_scorer_takes_weights(scorer, takes):
    assert takes_weights(scorer) == takes


@pytest.mark.parametrize("scoring", [without, make_scorer(lambda y, p: np.mean(y == p))])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2, 1: 1, 2: 1}], ids=str)
@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 1, 300)], ids=["", "weights"])
def test_a_scorer_that_takes_no_weights_gets_none(scoring, class_weight, sample_weight):
    model = NumpyNetClassifier(scoring=scoring, class_weight=class_weight, max_iter=2, **EARLY)
    model.fit(X, THREE, sample_weight)
    assert np.isfinite(model.best_validation_score_)
