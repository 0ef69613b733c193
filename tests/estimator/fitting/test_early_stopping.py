"""Early stopping: rows set aside, the best epoch kept."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator.fitting import solvers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def snapshots(model, X, y):
    """Weights and validation score after each epoch."""
    weights, scores = [], []
    for record in model.fit_epochs(X, y):
        weights.append([array.copy() for array in model.coefs_ + model.intercepts_])
        scores.append(record["validation_score"])
    return weights, scores


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.8}, {"batch_norm": True}], ids=str)
def test_keeps_the_weights_of_the_best_epoch(both, options):
    make, X, y = both
    # A large step, so that scores go up and down.
    options = {"learning_rate_init": 0.1, "max_iter": 25, "n_iter_no_change": 25} | options
    model = make(early_stopping=True, random_state=0, validation_fraction=0.3, **options)
    weights, scores = snapshots(model, X, y)
    best = int(np.argmax(scores))
    assert best < len(scores) - 1
    assert model.validation_scores_ == scores
    assert model.best_validation_score_ == scores[best]
    assert model.best_loss_ is None
    for kept, then in zip(model.coefs_ + model.intercepts_, weights[best], strict=True):
        np.testing.assert_array_equal(kept, then)
    assert any((kept != last).any() for kept, last in zip(model.coefs_, weights[-1], strict=False))


def test_ends_when_the_score_stands_still(both):
    make, X, y = both
    options = {"learning_rate_init": 1e-9, "n_iter_no_change": 3, "max_iter": 50}
    assert make(early_stopping=True, random_state=0, **options).fit(X, y).n_iter_ == 5


@pytest.mark.parametrize("fraction", [0.1, 0.4])
def test_trains_on_the_rows_that_are_not_set_aside(both, fraction):
    make, X, y = both
    model = make(early_stopping=True, validation_fraction=fraction, max_iter=3).fit(X, y)
    assert model.t_ == 3 * round(len(X) * (1 - fraction))


def test_each_class_is_set_aside_by_its_share(iris, monkeypatch):
    X, y = iris
    y = (np.arange(150) < 30).astype(int)
    seen = []
    split_rows = solvers.split_rows

    def record(*arguments):
        training, validation = split_rows(*arguments)
        seen.append(validation[1].mean())
        return training, validation

    monkeypatch.setattr(solvers, "split_rows", record)
    for seed in range(5):
        NumpyNetClassifier(early_stopping=True, max_iter=1, random_state=seed).fit(X, y)
    np.testing.assert_allclose(seen, 0.2)


def test_score_is_the_accuracy_or_r2_on_rows_held_out(iris, diabetes):
    clf = NumpyNetClassifier(early_stopping=True, random_state=0, max_iter=60)
    clf.fit(*iris)
    assert clf.best_validation_score_ > 0.7
    assert all(score * 15 == pytest.approx(round(score * 15)) for score in clf.validation_scores_)
    reg = NumpyNetRegressor(early_stopping=True, random_state=0, max_iter=60).fit(*diabetes)
    assert 0.2 < reg.best_validation_score_ < 0.8


@pytest.mark.parametrize("target", ["binary", "strings", "multilabel"])
def test_scores_every_kind_of_target(iris, target):
    X, y = iris
    y = {
        "binary": y == 1,
        "strings": np.array(["a", "b", "c"])[y],
        "multilabel": np.column_stack([y == 0, y == 2]).astype(int),
    }[target]
    options = {"solver": "adam", "learning_rate_init": 0.05, "max_iter": 40, "random_state": 0}
    clf = NumpyNetClassifier(early_stopping=True, validation_fraction=0.3, **options).fit(X, y)
    assert 0.85 < clf.best_validation_score_ <= 1


def test_rows_without_weight_do_not_count_in_the_score(iris):
    X, y = iris
    wrong = np.random.default_rng(0).uniform(size=150) < 0.4
    y = np.where(wrong, (y + 1) % 3, y)
    options = {"validation_fraction": 0.4, "max_iter": 40, "learning_rate_init": 0.05}
    clf = NumpyNetClassifier(early_stopping=True, random_state=0, **options)
    assert clf.fit(X, y).best_validation_score_ < 0.8
    assert clf.fit(X, y, sample_weight=~wrong).best_validation_score_ > 0.85


def test_targets_without_weight_do_not_count_in_the_score(diabetes):
    X, y = diabetes
    wrong = np.random.default_rng(0).uniform(size=len(y)) < 0.4
    y = np.where(wrong, -3 * y, y)
    options = {"validation_fraction": 0.4, "max_iter": 40, "learning_rate_init": 0.01}
    reg = NumpyNetRegressor(early_stopping=True, random_state=0, **options)
    assert reg.fit(X, y).best_validation_score_ < 0.2
    assert reg.fit(X, y, sample_weight=~wrong).best_validation_score_ > 0.3


def test_a_warm_start_goes_on_with_the_scores(both):
    make, X, y = both
    model = make(early_stopping=True, warm_start=True, max_iter=4, random_state=0)
    model.fit(X, y)
    first = list(model.validation_scores_)
    model.fit(X, y)
    assert model.validation_scores_[:4] == first
    assert len(model.validation_scores_) == 8


def test_too_few_rows_to_set_aside_are_an_error(both):
    make, X, y = both
    message = "(validation set is too small|should be greater or equal)"
    with pytest.raises(ValueError, match=message):
        make(early_stopping=True).fit(X[48:58], y[48:58])


def test_refuses_to_set_aside_a_class_with_one_member_as_scikit_learn_does(iris):
    X, alone = iris[0], np.arange(150) == 7
    for Model in (NumpyNetClassifier, MLPClassifier):
        with pytest.raises(ValueError, match="The least populated class"):
            Model(early_stopping=True).fit(X, alone)
