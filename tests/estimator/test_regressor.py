"""NumpyNetRegressor: targets, losses, and scikit-learn's own numbers."""

from inspect import signature

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.utils import get_tags

from digit_recognizer import NumpyNetRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # scikit-learn's own use of L-BFGS, where it is older than SciPy.
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),
]


def fitted(X, y, **options):
    options = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 20} | options
    return NumpyNetRegressor(**options).fit(X, y)


@pytest.fixture
def two_targets(diabetes):
    X, y = diabetes
    return X, np.column_stack([y, 3 * X[:, 0] - X[:, 1]])


EXACT = {"hidden_layer_sizes": (), "solver": "lbfgs", "tol": 1e-8, "max_iter": 5000}


@pytest.mark.parametrize("solver", ["adam", "adamw", "muon", "sgd", "lbfgs"])
def test_learns_with_every_solver(diabetes, solver):
    options = {"solver": solver, "learning_rate_init": 0.01, "max_iter": 60}
    reg = fitted(*diabetes, **options)
    assert reg.score(*diabetes) > 0.5
    assert (reg.n_outputs_, reg.out_activation_) == (1, "identity")
    assert reg.predict(diabetes[0]).shape == (len(diabetes[0]),)


def test_learns_several_targets_as_well_as_each_alone(two_targets):
    X, y = two_targets
    together = fitted(X, y, alpha=3.0, **EXACT)
    assert together.predict(X).shape == y.shape
    for column in range(2):
        alone = fitted(X, y[:, column], alpha=3.0, **EXACT)
        np.testing.assert_allclose(together.predict(X)[:, column], alone.predict(X), atol=1e-3)


def test_without_hidden_layer_it_is_ridge_regression(diabetes):
    X, y = diabetes
    reg = fitted(X, y, alpha=20.0, **EXACT)
    ridge = Ridge(alpha=20.0).fit(X, y)
    np.testing.assert_allclose(reg.coefs_[0][:, 0], ridge.coef_, atol=1e-5)
    np.testing.assert_allclose(reg.predict(X), ridge.predict(X), atol=1e-4)


def test_poisson_without_hidden_layer_is_a_poisson_regression(diabetes):
    X, y = diabetes[0], np.round(np.exp(diabetes[1]))
    assert (y == 0).any()
    reg = fitted(X, y, loss="poisson", alpha=0.1 * len(y), **EXACT)
    peer = PoissonRegressor(alpha=0.1, tol=1e-9, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(reg.coefs_[0][:, 0], peer.coef_, atol=1e-4)
    np.testing.assert_allclose(reg.predict(X), peer.predict(X), rtol=1e-3)
    assert reg.out_activation_ == "exp"


def test_poisson_refuses_targets_below_0(diabetes):
    with pytest.raises(ValueError, match="needs targets y >= 0"):
        fitted(*diabetes, loss="poisson")


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_scikit_learn_is_told_which_targets_it_takes(loss):
    tags = get_tags(NumpyNetRegressor(loss=loss))
    assert tags.target_tags.positive_only == (loss == "poisson")


def test_poisson_learns_by_stochastic_steps(diabetes):
    X, y = diabetes[0], np.exp(diabetes[1])
    reg = fitted(X, y, loss="poisson", learning_rate_init=0.01, max_iter=60)
    assert reg.score(X, y) > 0.5
    assert (reg.predict(X) > 0).all()


def test_a_column_as_target_is_flattened_with_a_warning(diabetes, assert_same_model):
    X, y = diabetes
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        reg = fitted(X, y[:, np.newaxis])
    assert reg.predict(X).shape == y.shape
    assert_same_model(reg, fitted(X, y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_computes_in_the_dtype_of_X(diabetes, dtype):
    X, y = diabetes
    reg = fitted(X.astype(dtype), y)
    assert reg.coefs_[0].dtype == reg.predict(X.astype(dtype)).dtype == dtype
    assert reg.predict(X).dtype == dtype


def test_frames_give_the_bytes_of_arrays_and_their_names(diabetes, assert_same_model):
    X, y = diabetes
    frame = pd.DataFrame(X).add_prefix("x")
    reg = fitted(frame, pd.Series(y))
    assert_same_model(reg, fitted(X, y))
    assert list(reg.feature_names_in_) == list(frame.columns)


# --- scikit-learn's numbers --------------------------------------------------------------------


def test_has_every_parameter_of_scikit_learn_with_its_default():
    ours, theirs = NumpyNetRegressor().get_params(), MLPRegressor().get_params()
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_has_every_fitted_attribute_of_scikit_learn(two_targets, options, assert_like_scikit_learn):
    peer = MLPRegressor(hidden_layer_sizes=(16,), max_iter=3, **options).fit(*two_targets)
    reg = fitted(*two_targets, max_iter=3, **options)
    assert_like_scikit_learn(reg, peer)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_steps_of_gradient_descent_equal_those_of_scikit_learn(two_targets, n_targets):
    X, y = two_targets
    y = y[:, 0] if n_targets == 1 else y
    options = {"activation": "logistic", "solver": "sgd", "momentum": 0, "alpha": 5.0}
    options |= {"batch_size": len(X), "shuffle": False, "learning_rate_init": 0.1}
    options |= {"hidden_layer_sizes": (6,), "random_state": 0}
    peer, reg = MLPRegressor(**options).partial_fit(X, y), NumpyNetRegressor(**options)
    reg.partial_fit(X, y)
    for mine, theirs in zip(
        reg.coefs_ + reg.intercepts_, peer.coefs_ + peer.intercepts_, strict=True
    ):
        theirs[...] = mine
    for _ in range(6):
        peer.partial_fit(X, y)
        reg.partial_fit(X, y)
    np.testing.assert_allclose(reg.predict(X), peer.predict(X), rtol=1e-9)
    assert reg.loss_ == pytest.approx(peer.loss_, rel=1e-10)
    assert reg.loss_curve_[1:] == pytest.approx(peer.loss_curve_[1:], rel=1e-10)
    assert reg.best_loss_ == pytest.approx(min(reg.loss_curve_))


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_of_several_targets_is_that_of_scikit_learn(two_targets, solver, loss, weighted):
    if "loss" not in signature(MLPRegressor).parameters:
        pytest.skip("this scikit-learn weighs no rows and has no Poisson deviance")
    X, y = two_targets
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X)) if weighted else None
    options = {"hidden_layer_sizes": (6,), "activation": "tanh", "loss": loss, "alpha": 30.0}
    options |= {"solver": solver, "learning_rate_init": 1e-15, "max_iter": 3, "random_state": 0}
    options |= {"batch_size": len(X)}
    reg = NumpyNetRegressor(**options).fit(X, np.abs(y), sample_weight=weight)
    if solver == "sgd":
        peer = MLPRegressor(**options).fit(X, np.abs(y), sample_weight=weight)
        assert reg.loss_curve_ == pytest.approx(peer.loss_curve_, rel=1e-9)
        return
    # There scikit-learn gives L-BFGS the gradient of another loss than the one it reports.
    peer = MLPRegressor(**options | {"solver": "sgd"})
    peer.fit(X, np.abs(y), sample_weight=weight)
    for name in ("coefs_", "intercepts_"):
        for mine, theirs in zip(getattr(reg, name), getattr(peer, name), strict=True):
            theirs[...] = mine
    peer.set_params(warm_start=True, max_iter=1).fit(X, np.abs(y), sample_weight=weight)
    assert reg.loss_ == pytest.approx(peer.loss_, rel=1e-9)
    assert reg.history_[-1]["loss"] == reg.loss_


def test_lbfgs_reaches_the_loss_of_scikit_learn(diabetes):
    options = EXACT | {"alpha": 0.1, "random_state": 0}
    peer = MLPRegressor(**options).fit(*diabetes)
    reg = NumpyNetRegressor(**options).fit(*diabetes)
    assert reg.loss_ == pytest.approx(peer.loss_, rel=1e-6)
    np.testing.assert_allclose(reg.predict(diabetes[0]), peer.predict(diabetes[0]), atol=1e-4)
