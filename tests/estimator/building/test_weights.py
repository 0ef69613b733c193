"""`coefs_` and `intercepts_`: views of the network that a user may replace."""

import copy
import pickle

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"hidden_layer_sizes": (5,), "activation": "tanh", "max_iter": 3, "random_state": 0}
# So small a step that the weights stay where they are.
STILL = {"learning_rate_init": 1e-15}


@pytest.fixture
def other(both):
    """Weights and biases of another fit."""
    make, X, y = both
    model = make(**OPTIONS | {"random_state": 1}).fit(X, y)
    return [w.copy() for w in model.coefs_], [b.copy() for b in model.intercepts_]


def outputs(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def by_hand(coefs, intercepts, X):
    """The output layer's sums."""
    return np.tanh(X @ coefs[0] + intercepts[0]) @ coefs[1] + intercepts[1]


def expected_outputs(model, coefs, intercepts, X):
    Z = by_hand(coefs, intercepts, X)
    if not hasattr(model, "predict_proba"):
        return Z[:, 0]
    exponentials = np.exp(Z)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_whole_lists_that_are_assigned_are_used(both, other):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    model.coefs_, model.intercepts_ = other
    np.testing.assert_allclose(outputs(model, X), expected_outputs(model, *other, X), rtol=1e-9)


def test_items_that_are_replaced_are_used(both, other):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    coefs, intercepts = [w.copy() for w in model.coefs_], [b.copy() for b in model.intercepts_]
    coefs[0], intercepts[1] = other[0][0], other[1][1]
    model.coefs_[0], model.intercepts_[1] = coefs[0], intercepts[1]
    expected = expected_outputs(model, coefs, intercepts, X)
    np.testing.assert_allclose(outputs(model, X), expected, rtol=1e-9)


def test_nested_lists_and_integers_are_taken(both):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    model.coefs_[0] = np.ones(model.coefs_[0].shape, dtype=int).tolist()
    outputs(model, X)
    np.testing.assert_array_equal(model.coefs_[0], 1.0)
    assert model.coefs_[0].dtype == float


def test_values_changed_in_place_are_used(both, other):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    for view, array in zip(model.coefs_ + model.intercepts_, other[0] + other[1], strict=True):
        view[...] = array
    np.testing.assert_allclose(outputs(model, X), expected_outputs(model, *other, X), rtol=1e-9)


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole lists", "items"])
def test_training_goes_on_from_what_was_assigned(both, other, go_on, whole):
    make, X, y = both
    model = make(warm_start=True, **OPTIONS, **STILL).fit(X, y)
    if whole:
        model.coefs_, model.intercepts_ = other
    else:
        for i in range(2):
            model.coefs_[i], model.intercepts_[i] = other[0][i], other[1][i]
    getattr(model, go_on)(X, y)
    for kept, given in zip(model.coefs_ + model.intercepts_, other[0] + other[1], strict=True):
        np.testing.assert_allclose(kept, given, atol=1e-9)


def test_lbfgs_goes_on_from_what_was_assigned(both, other):
    make, X, y = both
    model = make(warm_start=True, **OPTIONS).fit(X, y)
    model.set_params(solver="lbfgs", max_iter=500, alpha=1.0).fit(X, y)
    best = [w.copy() for w in model.coefs_], [b.copy() for b in model.intercepts_]
    model.coefs_, model.intercepts_ = other
    assert model.set_params(max_iter=1).fit(X, y).loss_ > 1.01 * make_loss(model, best, X, y)


def make_loss(model, weights, X, y):
    """Loss of an L-BFGS iteration from `weights`."""
    model = copy.deepcopy(model)
    model.coefs_, model.intercepts_ = ([array.copy() for array in arrays] for arrays in weights)
    return model.fit(X, y).loss_


def test_a_cold_fit_forgets_what_was_assigned(both, other, assert_same_model):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    model.coefs_, model.intercepts_ = other
    assert_same_model(model.fit(X, y), make(**OPTIONS).fit(X, y))


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_assigned_before_the_first_fit_they_are_the_start(both, other, go_on):
    make, X, y = both
    model = make(warm_start=True, **OPTIONS, **STILL)
    model.coefs_, model.intercepts_ = ([array.copy() for array in arrays] for arrays in other)
    needs_classes = go_on == "partial_fit" and make is NumpyNetClassifier
    getattr(model, go_on)(X, y, **({"classes": np.unique(y)} if needs_classes else {}))
    for kept, given in zip(model.coefs_ + model.intercepts_, other[0] + other[1], strict=True):
        np.testing.assert_allclose(kept, given, atol=1e-9)
    assert model.n_features_in_ == X.shape[1]


def test_assigned_before_a_first_fit_without_warm_start_they_are_dropped(
    both, other, assert_same_model
):
    make, X, y = both
    model = make(**OPTIONS)
    model.coefs_, model.intercepts_ = other
    assert_same_model(model.fit(X, y), make(**OPTIONS).fit(X, y))


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
@pytest.mark.parametrize("mistake", ["too few", "too many", "shape", "transposed"])
def test_what_does_not_fit_is_refused_by_name(both, name, mistake):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    arrays = [array.copy() for array in getattr(model, name)]
    arrays = {
        "too few": arrays[:1],
        "too many": [*arrays, arrays[0]],
        "shape": [arrays[0], arrays[1][..., :0]],
        "transposed": [arrays[0], arrays[1].T if name == "coefs_" else arrays[1][np.newaxis]],
    }[mistake]
    setattr(model, name, arrays)
    where = r"\[1\] has shape" if len(arrays) == 2 else f" has {len(arrays)} arrays"
    for use in (lambda: model.predict(X), lambda: model.partial_fit(X, y)):
        with pytest.raises(ValueError, match=name + where):
            use()


@pytest.mark.parametrize(
    "restore",
    [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
def test_they_are_views_of_the_network_that_comes_back(both, restore):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    restored = restore(model)
    before = outputs(restored, X)
    restored.coefs_[0][...] *= 2
    assert (outputs(restored, X) != before).any()
    expected = expected_outputs(restored, restored.coefs_, restored.intercepts_, X)
    np.testing.assert_allclose(outputs(restored, X), expected, rtol=1e-9)
    np.testing.assert_array_equal(outputs(model, X), before)


def test_a_shallow_copy_shares_the_network(both):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    shallow = copy.copy(model)
    shallow.coefs_[0][...] *= 2
    np.testing.assert_array_equal(outputs(model, X), outputs(shallow, X))
    np.testing.assert_array_equal(shallow.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize(
    "restore",
    [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy, copy.copy],
    ids=["pickle", "deepcopy", "copy"],
)
def test_what_was_assigned_is_stored(both, other, restore):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    model.coefs_, model.intercepts_ = other
    restored = restore(model)
    np.testing.assert_allclose(
        outputs(restored, X), expected_outputs(restored, *other, X), rtol=1e-9
    )


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_they_stay_the_same_arrays_while_training_goes_on(both, solver):
    make, X, y = both
    model = make(warm_start=True, solver=solver, **OPTIONS).fit(X, y)
    array = model.coefs_[0]
    before = array.copy()
    model.fit(X, y)
    assert model.coefs_[0] is array or np.shares_memory(model.coefs_[0], array)
    assert (array != before).any()
