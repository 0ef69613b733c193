"""Beside scikit-learn from the same random_state: first weights, L-BFGS, printed lines."""

import re

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # scikit-learn's own use of L-BFGS, where it is older than SciPy.
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),
]


def peer_of(make):
    return MLPClassifier if make is NumpyNetClassifier else MLPRegressor


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("sizes", [(7,), (6, 5), ()], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights_are_those_of_scikit_learn(both, activation, sizes, dtype, assert_same_model):
    make, X, y = both
    X = X.astype(dtype)
    options = {"hidden_layer_sizes": sizes, "activation": activation, "solver": "sgd"}
    options |= {"learning_rate_init": 1e-30, "max_iter": 1, "random_state": 3}
    model = make(**options).fit(X, y)
    assert model.coefs_[0].dtype == dtype
    # The bound of the logistic function is the same up to rounding.
    tolerance = {"rtol": 1e-12} if activation == "logistic" else {}
    assert_same_model(model, peer_of(make)(**options).fit(X, y), **tolerance)


def test_a_shared_random_state_starts_as_scikit_learn_does(iris, assert_same_model):
    options = {"solver": "sgd", "learning_rate_init": 1e-30, "max_iter": 1}
    clf, peer = (
        Model(random_state=np.random.RandomState(5), **options).fit(*iris)
        for Model in (NumpyNetClassifier, MLPClassifier)
    )
    assert_same_model(clf, peer)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("max_iter", [1, 20])
def test_lbfgs_takes_the_steps_of_scikit_learn(both, activation, max_iter, assert_same_model):
    make, X, y = both
    options = {"solver": "lbfgs", "activation": activation, "max_iter": max_iter}
    options |= {"hidden_layer_sizes": (6,), "random_state": 0}
    model, peer = (Model(**options).fit(X, y) for Model in (make, peer_of(make)))
    assert model.loss_ == pytest.approx(peer.loss_, rel=1e-5)
    assert_same_model(model, peer, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("random_state", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "tanh", "hidden_layer_sizes": (10,), "alpha": 10.0},
        {"activation": "logistic", "hidden_layer_sizes": (8, 8), "alpha": 1.0},
        {"hidden_layer_sizes": (20,), "alpha": 10.0},
    ],
    ids=str,
)
def test_lbfgs_reaches_the_loss_of_scikit_learn_to_a_thousandth(
    iris, diabetes, options, random_state
):
    options = options | {"solver": "lbfgs", "max_iter": 1000, "random_state": random_state}
    for make, (X, y) in ((NumpyNetClassifier, iris), (NumpyNetRegressor, diabetes)):
        model, peer = (Model(**options).fit(X, y) for Model in (make, peer_of(make)))
        assert model.loss_ == pytest.approx(peer.loss_, abs=1e-3)


# --- verbose -------------------------------------------------------------------------------------


def printed(model, X, y, capsys):
    """Lines of a fit with its numbers as N."""
    model.fit(X, y)
    return [
        re.sub(r"-?\d+\.\d+(e-?\d+)?", "N", line) for line in capsys.readouterr().out.splitlines()
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 1e-5, "tol": 0.5},
        {"solver": "sgd", "learning_rate_init": 1e-9},
        {"early_stopping": True, "learning_rate_init": 1e-9},
        {
            "solver": "sgd",
            "learning_rate": "adaptive",
            "early_stopping": True,
            "learning_rate_init": 1e-6,
            "tol": 2.0,
        },
        {"max_iter": 3},
    ],
    ids=str,
)
def test_verbose_prints_the_lines_of_scikit_learn(both, options, capsys):
    make, X, y = both
    options = {"verbose": True, "n_iter_no_change": 2, "max_iter": 60, "random_state": 0} | options
    lines = printed(make(**options), X, y, capsys)
    assert lines == printed(peer_of(make)(**options), X, y, capsys)
    assert len(lines) > 2


def test_nothing_is_printed_unless_asked_for(both, capsys):
    make, X, y = both
    for options in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
        make(max_iter=3, **options).fit(X, y)
    assert not capsys.readouterr().out
