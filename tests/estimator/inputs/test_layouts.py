"""Data in any memory layout: the bytes of C-ordered arrays, and at most one copy of X."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.nn import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def mapped(array):
    """Read-only, and of columns, as joblib hands a large Fortran array to its workers."""
    array = np.asfortranarray(array)
    array.flags.writeable = False
    return array


def mixed(array):
    frame = pd.DataFrame(array)
    return frame.astype({0: np.float32}) if array.ndim == 2 else frame


LAYOUTS = {
    "columns": np.asfortranarray,
    "every other column": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "every other row": lambda array: np.repeat(array, 2, axis=0)[::2],
    "rows reversed": lambda array: array[::-1].copy()[::-1],
    "columns reversed": lambda array: array[..., ::-1].copy()[..., ::-1],
    "read-only": mapped,
    "frame": pd.DataFrame,
    "frame of several types": mixed,
    "lists": np.ndarray.tolist,
}


@pytest.fixture(params=LAYOUTS)
def relay(request):
    """A function that lays an array out in another way."""
    return LAYOUTS[request.param]


def series(relay, y):
    """A target or weight column in a layout of its own."""
    y = relay(y)
    return y[0] if isinstance(y, pd.DataFrame) else y


@pytest.fixture
def whole_numbers(both):
    """X whose values float32 holds too, so that no layout changes them."""
    make, X, y = both
    return make, np.round(4 * X), y


@pytest.fixture
def trained_on(monkeypatch):
    """The arrays that networks have been trained on so far."""
    seen, fit_epochs = [], Network.fit_epochs

    def spy(network, X, y, plan, generator, sample_weight=None):
        seen.append(X)
        return fit_epochs(network, X, y, plan, generator, sample_weight)

    monkeypatch.setattr(Network, "fit_epochs", spy)
    return seen


@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True}, {"solver": "lbfgs", "activation": "tanh"}]
)
def test_layouts_give_the_bytes_of_contiguous_arrays(
    whole_numbers, relay, options, assert_same_model, trained_on
):
    make, X, y = whole_numbers
    weights = np.linspace(0.5, 2, len(y))
    plain = make(**OPTIONS, **options).fit(X, y, sample_weight=weights)
    other = make(**OPTIONS, **options)
    other.fit(relay(X), series(relay, y), sample_weight=series(relay, weights))
    assert_same_model(other, plain)
    # Rows of another array would be gathered from a copy of all of it, at every batch.
    assert all(rows.flags.c_contiguous for rows in trained_on)
    assert other.history_[-1]["loss"] == plain.history_[-1]["loss"]
    np.testing.assert_array_equal(other.predict(relay(X)), plain.predict(X))


def test_validation_sets_and_partial_fits_of_any_layout(whole_numbers, relay, assert_same_model):
    make, X, y = whole_numbers
    given = {"X_val": X[:20], "y_val": y[:20]}
    laid_out = {"X_val": relay(X[:20]), "y_val": series(relay, y[:20])}
    plain, other = make(**OPTIONS), make(**OPTIONS)
    plain.fit(X, y, **given)
    other.fit(relay(X), series(relay, y), **laid_out)
    for mine, theirs in zip(other.history_, plain.history_, strict=True):
        assert mine["validation_loss"] == theirs["validation_loss"]
        assert mine["train_score"] == theirs["train_score"]
    plain.partial_fit(X, y)
    other.partial_fit(relay(X), series(relay, y))
    assert_same_model(other, plain)


@pytest.mark.parametrize("Estimator", [NumpyNetClassifier, NumpyNetRegressor])
def test_several_targets_of_any_layout(iris, relay, Estimator, assert_same_model):
    X, y = np.round(4 * iris[0]), np.eye(3, dtype=int)[iris[1]]
    plain = Estimator(**OPTIONS).fit(X, y)
    other = Estimator(**OPTIONS).fit(relay(X), relay(y))
    assert_same_model(other, plain)


def test_images_and_their_deformations_of_any_layout(relay, assert_same_model):
    generator = np.random.default_rng(0)
    X, y = generator.integers(256, size=(40, 36)).astype(float), np.arange(40) % 3
    options = {"architecture": "4C3-R-MP2-8N", "augment": {"shift": 1}, "views": {"shift": 1}}
    plain = NumpyNetClassifier(max_iter=3, random_state=0, **options).fit(X, y)
    other = NumpyNetClassifier(max_iter=3, random_state=0, **options).fit(relay(X), y)
    assert_same_model(other, plain)
    np.testing.assert_array_equal(other.predict_proba(relay(X)), plain.predict_proba(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contiguous_arrays_are_trained_on_as_they_are(both, dtype, trained_on, tmp_path):
    make, X, y = both
    X = X.astype(dtype)
    np.save(tmp_path / "X.npy", X)
    for given in (X, X[3:], np.load(tmp_path / "X.npy", mmap_mode="r")):
        make(**OPTIONS).fit(given, y[-len(given) :])
        assert np.shares_memory(trained_on[-1], given)


def test_other_numbers_become_float64(both, trained_on):
    make, X, y = both
    for dtype in (np.uint8, np.int64, bool, np.float16, ">f8", object):
        make(**OPTIONS).fit(np.abs(4 * X).astype(dtype), y)
        assert trained_on[-1].dtype == np.float64


def peak_bytes(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", sorted(set(LAYOUTS) - {"lists", "frame of several types"}))
def test_a_fit_copies_x_once_and_a_prediction_not_at_all(name):
    X = np.random.default_rng(0).standard_normal((20_000, 20))
    y = np.arange(len(X)) % 2
    given = LAYOUTS[name](X)
    model = NumpyNetClassifier((2,), max_iter=1, random_state=0)
    assert peak_bytes(lambda: model.fit(given, y)) < 1.6 * X.nbytes
    assert peak_bytes(lambda: model.predict(given)) < 0.6 * X.nbytes
