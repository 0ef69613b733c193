"""Rows that are set aside for validation: enough of them, of every class, with weight."""

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, BaggingRegressor
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EARLY = {"early_stopping": True, "random_state": 3}
X = np.random.default_rng(0).normal(size=(300, 5))
RARE = (np.arange(300) < 4).astype(int)
THREE = np.arange(300) % 3
TARGET = X[:, 0]


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_many_rows_without_weight_do_no_harm(scoring):
    y = np.r_[THREE[:30], RARE[:270]]
    weight = np.r_[np.ones(30), np.zeros(270)]
    model = NumpyNetClassifier(scoring=scoring, max_iter=2, random_state=0)
    model.fit(X, y, sample_weight=weight, X_val=X[:9], y_val=y[:9])
    assert np.isfinite(model.history_[-1]["train_score"])


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
