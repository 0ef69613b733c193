"""Wrong parameters."""

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor


@pytest.mark.parametrize(
    "wrong",
    [
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"batch_norm": "yes"},
        {"weight_decay": -1},
        {"ema_decay": 1.0},
        {"activation": "softplus"},
        {"solver": "rmsprop"},
        {"learning_rate": "linear"},
        {"batch_size": 0},
        {"max_iter": 0},
        {"momentum": 2},
        {"hidden_layer_sizes": (4, 0)},
        {"hidden_layer_sizes": (4, -1)},
    ],
    ids=str,
)
def test_wrong_parameters_are_named(both, wrong):
    make, X, y = both
    (name,) = wrong
    model = make(**wrong)
    for check in (lambda: model.fit(X, y), model.check_parameters):
        with pytest.raises(ValueError, match=name):
            check()


def test_parameters_of_one_estimator_are_checked_too(iris):
    with pytest.raises(ValueError, match="label_smoothing"):
        NumpyNetClassifier(label_smoothing=1.0).fit(*iris)
    with pytest.raises(ValueError, match="loss"):
        NumpyNetRegressor(loss="absolute_error").fit(*iris)


@pytest.mark.parametrize("function", [np.tanh, lambda Z: Z], ids=["ufunc", "lambda"])
def test_a_function_without_its_derivative_is_answered_with_the_pair(both, function):
    make, X, y = both
    model = make(activation=function)
    for check in (lambda: model.fit(X, y), model.check_parameters):
        with pytest.raises(ValueError, match=r"give the pair \(f, derivative of f\)"):
            check()


def test_lbfgs_refuses_dropout_and_says_what_to_do(both):
    make, X, y = both
    with pytest.raises(ValueError, match="leave them out or use the solver 'adam'"):
        make(solver="lbfgs", dropout=0.5).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_batch_larger_than_the_data_is_clipped_with_a_warning(both, assert_same_model):
    make, X, y = both
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        large = make(batch_size=len(X) + 1, max_iter=2, random_state=0).fit(X, y)
    assert_same_model(large, make(batch_size=len(X), max_iter=2, random_state=0).fit(X, y))
