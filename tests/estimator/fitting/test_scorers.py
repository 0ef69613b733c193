"""What scorers raise, warn of and take."""

import threading
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import accuracy_score, log_loss, make_scorer, precision_score
from sklearn.model_selection import PredefinedSplit

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator.fitting.scoring import takes_weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EARLY = {"early_stopping": True, "random_state": 3}
X = np.random.default_rng(0).normal(size=(300, 5))
RARE = (np.arange(300) < 4).astype(int)
THREE = np.arange(300) % 3
TARGET = X[:, 0]


def fit_with_warnings(model, *arguments, **keywords):
    """Fit; returns the warnings but those of an unfinished training."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*arguments, **keywords)
    return [one for one in caught if not issubclass(one.category, ConvergenceWarning)]


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
