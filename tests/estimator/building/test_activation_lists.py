"""Activations: one for all layers, one each, and pairs of functions."""

import numpy as np
import pytest
from sklearn.base import clone

from digit_recognizer import nn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"max_iter": 4, "random_state": 0, "batch_size": 32}


def softsign(X):
    return X / (1 + np.abs(X))


def derivative_of_softsign(X):
    return 1 / (1 + np.abs(X)) ** 2


def tanh(X):
    return np.tanh(X)


def derivative_of_tanh(X):
    return 1 - np.tanh(X) ** 2


def itself(X):
    return X


def changed(X):
    X *= 2
    return X


def first_column(X):
    return X[:, :1] + 1


def hidden(model):
    """Classes of the layers between the dense ones."""
    return [type(layer) for layer in model._network.layers if not isinstance(layer, nn.Dense)]


def test_a_list_gives_each_hidden_layer_its_own(both):
    make, X, y = both
    sizes = {"hidden_layer_sizes": (5, 4, 3)}
    model = make(activation=["silu", "identity", "logistic"], **sizes, **OPTIONS).fit(X, y)
    assert hidden(model) == [nn.SiLU, nn.Logistic]
    other = make(activation=["logistic", "identity", "silu"], **sizes, **OPTIONS).fit(X, y)
    assert hidden(other) == [nn.Logistic, nn.SiLU]
    assert other.loss_ != model.loss_


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_one_name_equals_the_name(both, kind, assert_same_model):
    make, X, y = both
    options = {"hidden_layer_sizes": (5, 4), **OPTIONS}
    listed = make(activation=kind(["tanh", "tanh"]), **options).fit(X, y)
    assert_same_model(listed, make(activation="tanh", **options).fit(X, y))


def test_a_pair_of_functions_trains_as_the_activation_it_is(both, assert_same_model):
    make, X, y = both
    options = {"hidden_layer_sizes": (5, 4), **OPTIONS}
    pair = make(activation=(tanh, derivative_of_tanh), **options).fit(X, y)
    named = make(activation="tanh", **options).fit(X, y)
    assert_same_model(pair, named, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(pair.loss_curve_, named.loss_curve_, rtol=1e-9)


def test_a_list_takes_pairs_and_names(both):
    make, X, y = both
    pair = (softsign, derivative_of_softsign)
    model = make(activation=[pair, "relu"], hidden_layer_sizes=(5, 4), **OPTIONS).fit(X, y)
    assert hidden(model) == [nn.CustomActivation, nn.ReLU]
    Z = softsign(X @ model.coefs_[0] + model.intercepts_[0])
    Z = np.maximum(Z @ model.coefs_[1] + model.intercepts_[1], 0)
    Z = Z @ model.coefs_[2] + model.intercepts_[2]
    expected = model.classes_[Z.argmax(axis=1)] if hasattr(model, "classes_") else Z[:, 0]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-9)


def test_a_pair_is_kept_by_a_clone(both, assert_same_model):
    make, X, y = both
    model = make(activation=(softsign, derivative_of_softsign), **OPTIONS).fit(X, y)
    assert_same_model(clone(model).fit(X, y), model)


@pytest.mark.parametrize("wrong", [["relu"], ["relu"] * 3, (), [softsign, derivative_of_softsign]])
def test_a_list_of_wrong_length_or_a_list_for_a_pair_is_refused(both, wrong):
    make, X, y = both
    model = make(activation=wrong, hidden_layer_sizes=(5, 4))
    message = (
        "activation: element 1 is"
        if len(wrong) == 2
        else (f"activation has {len(wrong)} elements for 2 hidden layers")
    )
    for check in (lambda: model.fit(X, y), model.check_parameters):
        with pytest.raises(ValueError, match=message):
            check()


@pytest.mark.parametrize(
    "element",
    ["softplus", None, softsign, ("tanh", "tanh"), (softsign,), 3],
    ids=["unknown", "none", "function", "pair of names", "lonely function", "number"],
)
def test_an_element_that_is_no_activation_is_named(both, element):
    make, X, y = both
    model = make(activation=["relu", element], hidden_layer_sizes=(5, 4))
    with pytest.raises(ValueError, match=r"activation: element 2 is .*give one of identity"):
        model.fit(X, y)


@pytest.mark.parametrize("function", [itself, changed, first_column])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_function_must_return_a_new_array_of_the_same_shape(both, function, solver):
    make, X, y = both
    model = make(activation=(function, derivative_of_tanh), solver=solver)
    with pytest.raises(ValueError, match="must return a new array of its argument's shape"):
        model.fit(X, y)


def test_a_derivative_of_another_shape_is_an_error(both):
    make, X, y = both

    def derivative(X):
        return X[:-1]

    with pytest.raises(ValueError, match=r"broadcast|derivative"):
        make(activation=(tanh, derivative), **OPTIONS).fit(X, y)
