"""NumpyNetClassifier: targets, probabilities, inputs, and scikit-learn's own numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neural_network import MLPClassifier

from digit_recognizer import NumpyNetClassifier

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # scikit-learn's own use of L-BFGS, where it is older than SciPy.
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),
]


def fitted(X, y, **options):
    return NumpyNetClassifier((16,), **{"random_state": 0, "max_iter": 20} | options).fit(X, y)


@pytest.fixture
def multilabel(iris):
    X, y = iris
    return X, np.column_stack([y == 0, y != 1, X[:, 0] > 0]).astype(int)


@pytest.mark.parametrize("solver", ["adam", "adamw", "muon", "sgd", "lbfgs"])
def test_learns_with_every_solver(iris, solver):
    options = {"solver": solver, "learning_rate_init": 0.05, "max_iter": 60}
    assert fitted(*iris, **options).score(*iris) > 0.95


def test_learns_binary_targets(iris):
    X, y = iris
    clf = fitted(X, y == 2, learning_rate_init=0.05)
    np.testing.assert_array_equal(clf.classes_, [False, True])
    assert (clf.n_outputs_, clf.out_activation_) == (1, "logistic")
    assert clf.score(X, y == 2) > 0.95


def test_learns_labels_that_are_text(iris):
    X, y = iris
    names = np.array(["three", "one", "two"])
    clf, plain = fitted(X, names[y], learning_rate_init=0.05), fitted(X, y, learning_rate_init=0.05)
    assert list(clf.classes_) == ["one", "three", "two"]
    assert clf.score(X, names[y]) > 0.95
    assert plain.score(X, y) > 0.95
    assert set(clf.predict(X)) == set(names)


def test_learns_several_labels_at_once(multilabel):
    X, y = multilabel
    clf = fitted(X, y, solver="lbfgs", max_iter=200)
    assert (clf.n_outputs_, clf.out_activation_) == (3, "logistic")
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])
    assert clf.score(X, y) > 0.95


def test_probabilities_of_several_labels_are_one_for_each(multilabel):
    X, y = multilabel
    clf = fitted(X, y)
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == y.shape
    assert not np.allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.predict(X), probabilities > 0.5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_sum_to_1_and_the_largest_is_predicted(iris, n_classes, dtype_of_X):
    X, y = iris[0].astype(dtype_of_X), np.minimum(iris[1], n_classes - 1)
    clf = fitted(X, y)
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == (len(X), n_classes)
    assert probabilities.dtype == dtype_of_X
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X)), probabilities, rtol=1e-5)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype_of_X(request):
    return request.param


def test_computes_in_the_dtype_of_X(iris, dtype_of_X):
    clf = fitted(iris[0].astype(dtype_of_X), iris[1])
    assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(dtype_of_X)}
    whole_numbers = fitted(np.round(iris[0]).astype(int), iris[1])
    assert whole_numbers.coefs_[0].dtype == np.float64


def test_frames_give_the_bytes_of_arrays_and_their_names(iris, assert_same_model):
    X, y = iris
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    clf = fitted(frame, pd.Series(y, name="kind"))
    assert_same_model(clf, fitted(X, y))
    assert list(clf.feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(clf.predict(frame), fitted(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame.rename(columns={"a": "z"}))


def test_layers_are_as_asked_for(iris):
    clf = NumpyNetClassifier((7, 5), max_iter=1).fit(*iris)
    assert [w.shape for w in clf.coefs_] == [(4, 7), (7, 5), (5, 3)]
    assert [b.shape for b in clf.intercepts_] == [(7,), (5,), (3,)]
    assert (clf.n_layers_, clf.n_outputs_, clf.n_features_in_) == (4, 3, 4)
    for sizes in (6, [6], np.array([6])):
        assert NumpyNetClassifier(sizes, max_iter=1).fit(*iris).coefs_[0].shape == (4, 6)
    assert len(NumpyNetClassifier((), max_iter=1).fit(*iris).coefs_) == 1


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_takes_a_class_with_one_member_one_feature_and_a_constant_one(iris, solver):
    X, y = iris
    y = np.where(np.arange(len(y)) == 7, 9, y)
    for some in (X, X[:, :1], np.ones_like(X), np.hstack([X, np.ones_like(X)])):
        clf = fitted(some, y, solver=solver, batch_norm=solver == "adam")
        probabilities = clf.predict_proba(some)
        assert probabilities.shape == (150, 4)
        assert np.isfinite(probabilities).all()


def test_predicts_one_row_as_among_others(iris):
    clf = fitted(*iris, batch_norm=True, dropout=0.3)
    alone = np.vstack([clf.predict_proba(row[np.newaxis]) for row in iris[0]])
    np.testing.assert_allclose(clf.predict_proba(iris[0]), alone, rtol=1e-9)


# --- scikit-learn's numbers --------------------------------------------------------------------


def test_has_every_parameter_of_scikit_learn_with_its_default():
    ours, theirs = NumpyNetClassifier().get_params(), MLPClassifier().get_params()
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"solver": "sgd"}], ids=str
)
def test_has_every_fitted_attribute_of_scikit_learn(iris, options, assert_like_scikit_learn):
    peer = MLPClassifier((16,), max_iter=3, random_state=0, **options).fit(*iris)
    clf = fitted(*iris, max_iter=3, **options)
    assert_like_scikit_learn(clf, peer)


@pytest.mark.parametrize("target", ["binary", "multiclass", "multilabel"])
def test_steps_of_gradient_descent_equal_those_of_scikit_learn(iris, multilabel, target):
    X, y = iris
    y = {"binary": y == 1, "multiclass": y, "multilabel": multilabel[1]}[target]
    options = {"activation": "tanh", "solver": "sgd", "momentum": 0, "alpha": 5.0}
    options |= {"batch_size": 150, "shuffle": False, "learning_rate_init": 0.3, "random_state": 0}
    classes = np.unique(y) if y.ndim == 1 else np.arange(3)
    peer = MLPClassifier((6,), **options).partial_fit(X, y, classes=classes)
    clf = NumpyNetClassifier((6,), **options).partial_fit(X, y, classes=classes)
    for mine, theirs in zip(
        clf.coefs_ + clf.intercepts_, peer.coefs_ + peer.intercepts_, strict=True
    ):
        theirs[...] = mine
    for _ in range(6):
        peer.partial_fit(X, y)
        clf.partial_fit(X, y)
        assert clf.loss_ == pytest.approx(peer.loss_, rel=1e-10)
    for mine, theirs in zip(clf.coefs_, peer.coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(clf.predict_proba(X), peer.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("target", ["binary", "multiclass", "multilabel"])
def test_lbfgs_reaches_the_loss_of_scikit_learn(iris, multilabel, target):
    X, y = iris
    y = {"binary": y == 1, "multiclass": y, "multilabel": multilabel[1]}[target]
    options = {"solver": "lbfgs", "alpha": 0.1, "tol": 1e-6, "max_iter": 3000, "random_state": 0}
    peer = MLPClassifier((), **options).fit(X, y)
    clf = NumpyNetClassifier((), **options).fit(X, y)
    assert clf.loss_ == pytest.approx(peer.loss_, rel=1e-4)
    np.testing.assert_allclose(clf.predict_proba(X), peer.predict_proba(X), atol=1e-2)
