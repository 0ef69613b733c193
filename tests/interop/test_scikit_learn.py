"""MLPClassifier and MLPRegressor, from and to an estimator."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

X = np.random.default_rng(0).normal(size=(60, 6))
SHORT = {"hidden_layer_sizes": (7, 5), "max_iter": 3, "learning_rate": "cosine", "random_state": 0}
TARGETS = {
    "binary": np.arange(60) % 2,
    "strings": np.array(["one", "three", "two"])[np.arange(60) % 3],
    "multilabel": np.random.default_rng(1).integers(0, 2, (60, 4)),
}
TARGETS_OF_REGRESSORS = {"one": X[:, 0], "several": X[:, :2]}
each_target = pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
each_regression = pytest.mark.parametrize(
    "y", TARGETS_OF_REGRESSORS.values(), ids=TARGETS_OF_REGRESSORS
)


@pytest.fixture
def mlp():
    """A fitted MLPClassifier that takes no more steps than one."""
    mlp = MLPClassifier((7, 5), activation="tanh", solver="lbfgs", max_iter=300, alpha=0.1)
    return mlp.set_params(tol=1e-2, random_state=0).fit(X, np.arange(60) % 3)


def fitted_mlp(kind, y, **parameters):
    mlp = kind(
        hidden_layer_sizes=(7, 5),
        random_state=0,
        max_iter=200,
        tol=1.0,
        n_iter_no_change=2,
        **parameters,
    )
    return mlp.fit(X, y)


@each_target
def test_a_classifier_of_scikit_learn_predicts_the_same_here(y, assert_goes_on):
    mlp = fitted_mlp(MLPClassifier, y)
    clf = NumpyNetClassifier.from_sklearn(mlp)
    np.testing.assert_allclose(clf.predict_proba(X), mlp.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), mlp.predict(X))
    assert clf.score(X, y) == mlp.score(X, y)
    assert_goes_on(clf, X, y)


@each_target
def test_scikit_learn_predicts_the_same_as_a_classifier_and_goes_on(y, assert_goes_on):
    clf = NumpyNetClassifier(**SHORT).fit(X, y)
    mlp = clf.to_sklearn()
    np.testing.assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(mlp.predict(X), clf.predict(X))
    assert_goes_on(mlp, X, y)


@each_regression
def test_regressors_go_there_and_back(y, assert_goes_on):
    mlp = fitted_mlp(MLPRegressor, y)
    reg = NumpyNetRegressor.from_sklearn(mlp)
    np.testing.assert_allclose(reg.predict(X), mlp.predict(X), atol=1e-12)
    np.testing.assert_allclose(reg.to_sklearn().predict(X), mlp.predict(X), atol=1e-12)
    assert_goes_on(reg, X, y)


def test_parameters_and_fitted_attributes_come_along(mlp):
    clf = NumpyNetClassifier.from_sklearn(mlp)
    theirs = mlp.get_params()
    assert {name: clf.get_params()[name] for name in theirs} == theirs
    assert (clf.n_iter_, clf.loss_, clf.n_layers_) == (mlp.n_iter_, mlp.loss_, mlp.n_layers_)
    again = clone(clf).fit(X, mlp.predict(X))
    assert again.score(X, mlp.predict(X)) > 0.9


def test_names_of_features_are_kept_both_ways():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    mlp = fitted_mlp(MLPClassifier, TARGETS["binary"])
    mlp.fit(frame, TARGETS["binary"])
    clf = NumpyNetClassifier.from_sklearn(mlp)
    np.testing.assert_array_equal(clf.predict(frame), mlp.predict(frame))
    assert list(clf.to_sklearn().feature_names_in_) == list("abcdef")


def test_weights_are_copies(mlp):
    clf = NumpyNetClassifier.from_sklearn(mlp)
    before = mlp.coefs_[0].copy()
    clf.coefs_[0][...] = 0
    clf.to_sklearn().coefs_[1][...] = 0
    np.testing.assert_array_equal(mlp.coefs_[0], before)
    assert clf.coefs_[1].any()


def test_batch_norm_goes_into_the_weights_and_what_only_we_have_stays_here():
    layers = "BN-9N-BN-R-D0.1-BN-5N-R"
    clf = NumpyNetClassifier(architecture=layers, solver="adamw", max_iter=4, random_state=0)
    clf.set_params(learning_rate="cosine").fit(3 * X + 1, TARGETS["strings"])
    mlp = clf.to_sklearn()
    np.testing.assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), atol=1e-12)
    assert (mlp.hidden_layer_sizes, mlp.solver, mlp.learning_rate) == ([9, 5], "adam", "constant")
    assert mlp.max_iter == 4


def test_scaling_goes_into_the_weights():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 6), dtype=np.uint8)
    clf = NumpyNetClassifier(**SHORT, scaling="standard").fit(pixels, TARGETS["binary"])
    expected = clf.predict_proba(pixels)
    np.testing.assert_allclose(clf.to_sklearn().predict_proba(pixels), expected, atol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_loss_of_a_regressor_goes_both_ways(loss):
    if "loss" not in MLPRegressor().get_params():
        pytest.skip("this version of scikit-learn has one loss only")
    mlp = fitted_mlp(MLPRegressor, np.abs(X[:, 0]), loss=loss)
    reg = NumpyNetRegressor.from_sklearn(mlp)
    np.testing.assert_allclose(reg.predict(X), mlp.predict(X), atol=1e-12)
    assert reg.loss == reg.to_sklearn().loss == loss


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"architecture": "2C2-R-4N", "input_shape": (2, 3)}, "Layer 1, Conv2D(2, 2), has no"),
        ({"activation": "silu"}, "Layer 2, SiLU(), has no counterpart in scikit-learn"),
        ({"activation": ["relu", "tanh"]}, "one activation for all hidden layers, this network has "
         "relu, tanh."),
        ({"architecture": "4N-R-T"}, "Layer 3, Tanh(), has no counterpart"),
    ],
)  # fmt: skip
def test_what_scikit_learn_lacks_is_named_with_its_place(parameters, message):
    clf = NumpyNetClassifier(**SHORT | parameters).fit(X, TARGETS["binary"])
    with pytest.raises(ValueError, match=re.escape(message)):
        clf.to_sklearn()


def test_only_the_fitted_counterpart_is_taken(mlp):
    with pytest.raises(TypeError, match="from_sklearn takes a fitted MLPRegressor, got MLPClass"):
        NumpyNetRegressor.from_sklearn(mlp)
    with pytest.raises(TypeError, match="takes a fitted MLPClassifier, got LogisticRegression"):
        NumpyNetClassifier.from_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        NumpyNetClassifier.from_sklearn(MLPClassifier())
    with pytest.raises(NotFittedError):
        NumpyNetClassifier().to_sklearn()
