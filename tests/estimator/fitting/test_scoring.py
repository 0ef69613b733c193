"""What is recorded of each epoch, and the scorers it is measured by."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    make_scorer,
)
from sklearn.model_selection import PredefinedSplit, train_test_split

from digit_recognizer import NumpyNetClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"max_iter": 5, "random_state": 0, "learning_rate_init": 0.02}
MEASURES = ["train_score", "validation_loss", "validation_score"]


def part(X, y, test_size=0.3):
    """X, X_val, y, y_val."""
    return train_test_split(X, y, test_size=test_size, random_state=0)


def values_of(history, key):
    return [record[key] for record in history]


# --- what is recorded ----------------------------------------------------------------------------


def test_history_is_what_a_frame_reads(both):
    make, X, y = both
    plain = make(**OPTIONS).fit(X, y)
    frame = pd.DataFrame(plain.history_)
    assert list(frame) == ["epoch", "loss", "learning_rate", "seconds"]
    assert list(frame["epoch"]) == [1, 2, 3, 4, 5]
    assert list(frame["loss"]) == plain.loss_curve_
    assert (frame["learning_rate"] == 0.02).all()
    for given in ({"X_val": X, "y_val": y}, {}):
        watched = make(early_stopping=not given, **OPTIONS).fit(X, y, **given)
        frame = pd.DataFrame(watched.history_)
        assert list(frame) == ["epoch", "loss", "learning_rate", "seconds", *MEASURES]
        assert len(frame) == watched.n_iter_
        assert {dtype.kind for dtype in frame.dtypes[1:]} == {"f"}


def test_history_of_lbfgs_has_an_iteration_a_row(both):
    make, X, y = both
    model = make(solver="lbfgs", max_iter=6, random_state=0).fit(X, y, X_val=X, y_val=y)
    frame = pd.DataFrame(model.history_)
    assert list(frame) == ["epoch", "loss", *MEASURES]
    assert list(frame["epoch"]) == list(range(1, model.n_iter_ + 1))
    assert frame["loss"].iloc[-1] == pytest.approx(model.loss_)


def own_loss(model, X, y):
    """The loss from the public predictions."""
    if hasattr(model, "predict_proba") and y.ndim == 1:
        return log_loss(y, model.predict_proba(X))
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X)
        return -np.log(np.where(y, probabilities, 1 - probabilities)).sum(axis=1).mean()
    predicted = model.predict(X)
    if model.loss == "poisson":
        return (predicted - y + y * np.log(np.maximum(y, 1) / predicted)).mean()
    return ((predicted - y) ** 2).mean() / 2


@pytest.mark.parametrize("n_rows", [60, 1500])
def test_validation_loss_is_that_of_the_predictions_without_penalty(problem, n_rows):
    make, X, y = problem
    rows = np.random.default_rng(0).integers(len(X), size=n_rows)
    X_val, y_val = X[rows] + 0.1, y[rows]
    model = make(alpha=50.0, dropout=0.3, **OPTIONS).fit(X, y, X_val=X_val, y_val=y_val)
    expected = own_loss(model, X_val, y_val)
    assert model.history_[-1]["validation_loss"] == pytest.approx(expected, rel=1e-9)


def test_class_weights_do_not_weigh_the_validation_set(iris):
    X, y = iris
    X, X_val, y, y_val = part(X, y)
    clf = NumpyNetClassifier(class_weight={0: 9.0, 1: 0.1, 2: 1.0}, **OPTIONS)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    expected = log_loss(y_val, clf.predict_proba(X_val))
    assert clf.history_[-1]["validation_loss"] == pytest.approx(expected)
    assert clf.history_[-1]["validation_score"] == clf.score(X_val, y_val)


@pytest.mark.parametrize("n_validation", [10, 100])
def test_the_train_score_is_taken_on_as_many_rows_at_most(iris, n_validation):
    X, y = iris
    sizes = []

    def scorer(estimator, X, y):
        sizes.append(len(X))
        return estimator.score(X, y)

    options = {"max_iter": 2, "random_state": 0, "scoring": scorer}
    rows = np.arange(n_validation)
    NumpyNetClassifier(**options).fit(X[:70], y[:70], X_val=X[rows], y_val=y[rows])
    assert sorted(set(sizes)) == sorted({min(n_validation, 70), n_validation})
    assert sizes.count(n_validation) >= 2


def test_the_train_score_is_always_taken_on_the_same_rows(iris):
    X, y = iris
    seen = []

    def scorer(estimator, X, y):
        seen.append(X.copy())
        return 0.0

    options = {"max_iter": 3, "random_state": 0, "scoring": scorer}
    for _ in range(2):
        NumpyNetClassifier(**options).fit(X, y, X_val=X[:40], y_val=y[:40])
    train = [rows for rows in seen if not np.array_equal(rows, X[:40])]
    assert len(train) == 6
    for rows in train[1:]:
        np.testing.assert_array_equal(rows, train[0])
    assert {row.tobytes() for row in train[0]} <= {row.tobytes() for row in X}


# --- scorers -------------------------------------------------------------------------------------


def sureness(estimator, X, y):
    return float(estimator.predict_proba(X).max(axis=1).mean())


@pytest.mark.parametrize(
    ("scoring", "own"),
    [
        ("balanced_accuracy", lambda clf, X, y: balanced_accuracy_score(y, clf.predict(X))),
        (
            make_scorer(balanced_accuracy_score),
            lambda clf, X, y: balanced_accuracy_score(y, clf.predict(X)),
        ),
        ("neg_log_loss", lambda clf, X, y: -log_loss(y, clf.predict_proba(X))),
        (sureness, sureness),
        (None, lambda clf, X, y: accuracy_score(y, clf.predict(X))),
    ],
    ids=["name", "make_scorer", "probabilities", "callable", "None"],
)
@pytest.mark.parametrize("as_frame", [False, True])
def test_any_scorer_measures_the_epochs(iris, scoring, own, as_frame):
    X, y = iris
    if as_frame:
        X = pd.DataFrame(X, columns=list("abcd"))
    X, X_val, y, y_val = part(X, np.array(["a", "b", "c"])[y])
    clf = NumpyNetClassifier(scoring=scoring, early_stopping=True, **OPTIONS)
    for record in clf.fit_epochs(X, y, X_val=X_val, y_val=y_val):
        assert record["validation_score"] == pytest.approx(own(clf, X_val, y_val))
    assert clf.best_validation_score_ == max(values_of(clf.history_, "validation_score"))
    assert clf.best_validation_score_ == pytest.approx(own(clf, X_val, y_val))


def test_a_scorer_of_every_kind_of_target(problem):
    make, X, y = problem
    name = "neg_mean_absolute_error" if "Regressor" in repr(make) else "accuracy"
    X, X_val, y, y_val = part(X, y)
    model = make(scoring=name, **OPTIONS).fit(X, y, X_val=X_val, y_val=y_val)
    predicted = model.predict(X_val)
    wrong = np.abs(predicted - y_val).mean() if "neg" in name else None
    expected = -wrong if wrong is not None else accuracy_score(y_val, predicted)
    assert model.history_[-1]["validation_score"] == pytest.approx(expected)


def test_a_scorer_takes_the_weights_of_the_rows(iris):
    X, y = iris
    weight = np.random.default_rng(0).uniform(size=150)
    fold = np.where(np.arange(150) % 2 == 0, 0, -1)
    options = {"early_stopping": True, "validation_fraction": PredefinedSplit(fold)}
    clf = NumpyNetClassifier(scoring="accuracy", **options, **OPTIONS)
    clf.fit(X, y, sample_weight=weight)
    test = fold == 0
    expected = clf.score(X[test], y[test], sample_weight=weight[test])
    assert clf.best_validation_score_ == pytest.approx(expected)


def test_an_unknown_scorer_is_refused(both):
    make, X, y = both
    for scoring in ("acuracy", 3):
        with pytest.raises(ValueError, match="scoring"):
            make(scoring=scoring).fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs", "early_stopping": True}], ids=str)
def test_scoring_without_a_validation_set_warns(both, options):
    make, X, y = both
    model = make(scoring="neg_mean_squared_error", max_iter=2, **options)
    with pytest.warns(
        UserWarning, match="scoring='neg_mean_squared_error' has no effect without a validation"
    ):
        model.fit(X, y)
    model.fit(X, y, X_val=X, y_val=y)
    if not options:
        model.partial_fit(X, y)
        model.set_params(early_stopping=True).fit(X, y)
