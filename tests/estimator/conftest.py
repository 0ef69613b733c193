"""Data and helpers of the estimators' tests."""

from functools import partial
from numbers import Real

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.preprocessing import scale

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.nn import training


@pytest.fixture
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@pytest.fixture
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def binary():
    X, y = load_iris(return_X_y=True)
    return NumpyNetClassifier, scale(X), (y == 1).astype(int)


def multiclass():
    X, y = load_iris(return_X_y=True)
    return NumpyNetClassifier, scale(X), y


def strings():
    X, y = load_iris(return_X_y=True)
    return NumpyNetClassifier, scale(X), np.array(["setosa", "versicolor", "virginica"])[y]


def multilabel():
    X, y = make_multilabel_classification(150, 8, n_classes=4, random_state=0)
    return NumpyNetClassifier, scale(X), y


def regression():
    X, y = load_diabetes(return_X_y=True)
    return NumpyNetRegressor, scale(X)[:150], scale(y)[:150]


def multi_output():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:150], scale(y)[:150]
    return NumpyNetRegressor, X, np.column_stack([y, X[:, 0] - 2 * X[:, 1]])


def counts():
    Estimator, X, y = regression()
    return partial(Estimator, loss="poisson"), X, np.round(np.exp(y))


PROBLEMS = (binary, multiclass, strings, multilabel, regression, multi_output, counts)


@pytest.fixture(params=PROBLEMS, ids=lambda function: function.__name__)
def problem(request):
    """Each kind of target: a function that makes its estimator, X and y."""
    return request.param()


@pytest.fixture(params=[multiclass, regression], ids=["classifier", "regressor"])
def both(request):
    """The classifier and the regressor, as in `problem`."""
    return request.param()


@pytest.fixture(scope="session")
def assert_same_model():
    """A function that holds the weights and biases of two estimators equal."""

    def check(actual, expected, **tolerance):
        for name in ("coefs_", "intercepts_"):
            pairs = zip(getattr(actual, name), getattr(expected, name), strict=True)
            for mine, other in pairs:
                if tolerance:
                    np.testing.assert_allclose(mine, other, **tolerance)
                else:
                    np.testing.assert_array_equal(mine, other)

    return check


@pytest.fixture(scope="session")
def assert_like_scikit_learn():
    """A function that finds each fitted attribute of scikit-learn's in ours, of the same kind."""

    def kind(value):
        if isinstance(value, list):
            return list, len(value)
        return Real if isinstance(value, Real) else type(value)

    def check(actual, peer):
        public = [name for name in vars(peer) if name.endswith("_") and not name.startswith("_")]
        assert len(public) > 8
        for name in public:
            assert kind(getattr(actual, name)) == kind(getattr(peer, name)), name
        for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
            assert getattr(actual, name) == getattr(peer, name), name

    return check


@pytest.fixture
def interrupt_step(monkeypatch):
    """A function that makes the n-th step of training from now on raise KeyboardInterrupt."""

    def arrange(n):
        train_step, calls = training.train_step, []

        def interrupted(*arguments):
            calls.append(None)
            if len(calls) == n:
                raise KeyboardInterrupt
            return train_step(*arguments)

        monkeypatch.setattr(training, "train_step", interrupted)

    return arrange
