"""Sparse X: the model of dense X, without an array of its size."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_pipeline

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # scikit-learn's own use of L-BFGS, where it is older than SciPy.
    pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning"),
]
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
CLOSE = {"rtol": 1e-6, "atol": 1e-9}


def long_indices(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def unsorted_twice(X):
    """Every value in two halves, and each row's columns backwards."""
    X = sparse.csr_array(X)
    halves = [(a[::-1].repeat(2)) for a in (X.data / 2, X.indices)]
    row_sizes = np.diff(X.indptr)[::-1]
    X = sparse.csr_array((*halves, np.append(0, 2 * np.cumsum(row_sizes))), shape=X.shape)
    return X[::-1]


def read_only(X):
    X = unsorted_twice(X)
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    return X


FORMATS = {
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc_matrix": sparse.csc_matrix,
    "coo_array": sparse.coo_array,
    "lil_matrix": sparse.lil_matrix,
    "int64 indices": long_indices,
    "unsorted, twice": unsorted_twice,
    "read-only": read_only,
    "integers": lambda X: sparse.csr_array(X.astype(int)),
    "frame": lambda X: pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X)),
}


@pytest.fixture
def counts(both):
    """A problem whose X are small whole numbers, most of them 0, with empty rows."""
    make, X, y = both
    X = np.maximum(np.round(2 * X - 1), 0)
    X[:5] = 0
    return make, X, y


@pytest.mark.parametrize("convert", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
def test_sparse_data_give_the_model_of_dense_data(counts, convert, options, assert_same_model):
    make, X, y = counts
    given = convert(X)
    dense = make(**OPTIONS, **options).fit(X, y)
    thin = make(**OPTIONS, **options).fit(given, y)
    assert_same_model(thin, dense, **CLOSE)
    for model in (dense, thin):
        np.testing.assert_allclose(model.predict(given), dense.predict(X), **CLOSE)
    assert thin.background_ == 0


def test_a_sparse_validation_set_and_partial_fit(counts, assert_same_model):
    make, X, y = counts
    models = []
    for convert in (np.array, sparse.csc_array):
        given = {"X_val": convert(X[:30]), "y_val": y[:30]}
        models.append(make(early_stopping=True, **OPTIONS).fit(convert(X), y, **given))
        models[-1].set_params(early_stopping=False).partial_fit(convert(X), y)
    assert_same_model(*models, **CLOSE)
    for one, other in zip(*(model.history_ for model in models), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-9)


@pytest.mark.parametrize("boolean", [False, True])
def test_float32_and_booleans(iris, boolean, assert_same_model):
    X, y = (iris[0] > 1).astype(np.float32), iris[1]
    thin = sparse.csr_array(X.astype(bool) if boolean else X)
    model = NumpyNetClassifier(**OPTIONS).fit(thin, y)
    dense = NumpyNetClassifier(**OPTIONS).fit(X, y)
    assert model.coefs_[0].dtype == (np.float64 if boolean else np.float32)
    assert_same_model(model, dense, rtol=1e-3, atol=1e-5)
    assert model.predict_proba(sparse.csr_array(X.astype(bool))).dtype == model.coefs_[0].dtype


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "BN-8N-R"},
        {"architecture": "D0.2-8N-R"},
        {"architecture": "2C3-R-MP2-8N-R", "input_shape": (4, 4, 1)},
        {"augment": {"shift": 1}, "input_shape": (4, 4, 1), "views": {"shift": 1}},
    ],
    ids=lambda options: next(iter(options.values())),
)
def test_layers_and_deformations_of_dense_arrays_get_a_batch_at_a_time(options, assert_same_model):
    generator = np.random.default_rng(0)
    X, y = generator.integers(3, size=(60, 16)).astype(float), np.arange(60) % 3
    X[X == 1] = 0
    dense, thin = (
        NumpyNetClassifier(max_iter=3, random_state=0, **options).fit(convert(X), y)
        for convert in (np.array, sparse.csr_array)
    )
    assert_same_model(thin, dense, **CLOSE)
    np.testing.assert_allclose(
        thin.predict_proba(sparse.csr_array(X)), dense.predict_proba(X), **CLOSE
    )


def test_the_users_matrix_stays_as_it_is(iris):
    X = unsorted_twice(np.maximum(iris[0], 0))
    arrays = [array.copy() for array in (X.data, X.indices, X.indptr)]
    NumpyNetClassifier(**OPTIONS).fit(X, iris[1]).predict(X)
    for now, before in zip((X.data, X.indices, X.indptr), arrays, strict=True):
        np.testing.assert_array_equal(now, before)


N_ROWS, N_FEATURES, N_UNITS = 400, 20_000, 16
PARAMETER_BYTES = 8 * N_FEATURES * N_UNITS


def texts():
    n_words = 20
    words = np.random.default_rng(0).integers(N_FEATURES, size=n_words * N_ROWS)
    parts = np.ones(len(words)), words, np.arange(0, len(words) + 1, n_words)
    return sparse.csr_array(parts, shape=(N_ROWS, N_FEATURES)), np.arange(N_ROWS) % 3


def peak_bytes(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# As a dense array X takes 64 MB, 25 times the parameters.
@pytest.mark.parametrize(
    ("options", "n_copies"),
    [
        ({}, 5),  # the parameters, their gradient, two moments; the first draw
        ({"solver": "sgd"}, 4),
        ({"early_stopping": True}, 7),  # those of the best epoch
        ({"solver": "lbfgs"}, 41),  # 30 of SciPy's own
    ],
    ids=["adam", "sgd", "early stopping", "lbfgs"],
)
def test_a_fit_holds_few_arrays_of_the_size_of_the_parameters(options, n_copies):
    X, y = texts()
    model = NumpyNetClassifier((N_UNITS,), max_iter=2, random_state=0, **options)
    assert peak_bytes(lambda: model.fit(X, y)) < n_copies * PARAMETER_BYTES


def test_a_prediction_copies_neither_x_nor_the_parameters():
    X, y = texts()
    model = NumpyNetClassifier((N_UNITS,), max_iter=1, random_state=0).fit(X, y)
    for rows in (X, X[:1]):
        assert peak_bytes(lambda rows=rows: model.predict(rows)) < PARAMETER_BYTES / 2


def test_hashed_text_in_a_pipeline():
    text = ["red green", "green blue", "blue red", "black white", "white grey", "grey black"] * 5
    y = ["colour", "colour", "colour", "none", "none", "none"] * 5
    model = make_pipeline(
        HashingVectorizer(n_features=2**16),
        NumpyNetClassifier((4,), solver="lbfgs", random_state=0),
    )
    assert model.fit(text, y).score(text, y) > 0.9


def test_regressors_of_several_targets_take_sparse_rows(iris, assert_same_model):
    X, y = np.maximum(iris[0], 0), np.column_stack([iris[1], -iris[1]])
    dense, thin = (
        NumpyNetRegressor(**OPTIONS).fit(make(X), y) for make in (np.array, sparse.csr_array)
    )
    assert_same_model(thin, dense, **CLOSE)
