"""Arrays that cannot be taken as they are."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator.inputs import arrays
from digit_recognizer.estimator.inputs.arrays import FEW_ROWS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((9, 4, 4), r"X.reshape\(len\(X\), -1\), and its shape as input_shape=\(4, 4\)"),
        ((9, 2, 2, 4), r"X.transpose\(0, 2, 3, 1\).*input_shape=\(2, 4, 2\)"),
        ((9, 4, 2, 2), r"row, X.reshape\(len\(X\), -1\), and its shape as input_shape=\(4, 2, 2\)"),
        ((9, 2, 2, 2, 2), r"Give each sample as a row: X.reshape\(len\(X\), -1\)"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, list], ids=["array", "list", "of"])
def test_images_are_told_how_to_become_rows(both, shape, remedy, kind):
    make, _, _ = both
    X, y = np.random.default_rng(0).uniform(size=shape), np.arange(9) % 3
    model = make(max_iter=1).fit(X.reshape(9, -1), y)
    given = {"X_val": kind(X), "y_val": y}
    classes = {"classes": y} if make is NumpyNetClassifier else {}
    for call in (
        lambda: make().fit(kind(X), y),
        lambda: make().partial_fit(kind(X), y, **classes),
        lambda: model.predict(kind(X)),
        lambda: make().fit(X.reshape(9, -1), y, **given),
    ):
        with pytest.raises(ValueError, match=rf"Found array with dim {len(shape)}.*{remedy}"):
            call()


def test_targets_of_three_dimensions_are_no_images(both):
    make, X, _ = both
    with pytest.raises(ValueError) as caught:
        make().fit(X[:9], np.zeros((9, 2, 2)))
    assert "input_shape" not in str(caught.value)


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_values_that_float32_cannot_hold_are_refused(both, kind):
    make, X, y = both
    X = X.astype(np.float32)
    model = make(max_iter=1, warm_start=True).fit(X, y)
    huge = X.astype(float)
    for sign in (1, -1):
        huge[3, 1] = sign * 1e39
        for call in (model.predict, lambda X: model.partial_fit(X, y), lambda X: model.fit(X, y)):
            with pytest.raises(
                ValueError, match=r"Input X contains .*dtype\('float32'\), in which"
            ):
                call(kind(huge))
    model.predict(kind(X.astype(float)))


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("wrong", [np.nan, 1e39])
def test_x_val_is_called_by_its_name(both, wrong):
    make, X, y = both
    X_val = np.where(np.eye(*X.shape), wrong, X)
    with pytest.raises(ValueError, match="Input X_val contains"):
        make().fit(X.astype(np.float32), y, X_val=X_val, y_val=y)


def test_a_target_that_float32_cannot_hold_is_refused(diabetes):
    X, y = diabetes
    X, y = X.astype(np.float32), y.astype(float)
    huge = np.where(np.arange(len(y)) == 3, 1e39, y)
    reg = NumpyNetRegressor(max_iter=1)
    with pytest.raises(ValueError, match=r"Input y contains .*dtype\('float32'\)"):
        reg.fit(X, huge)
    with pytest.raises(ValueError, match=r"Input y_val contains .*dtype\('float32'\)"):
        reg.fit(X, y, X_val=X, y_val=huge)


def test_frames_of_sparse_booleans_are_numbers(iris, assert_same_model):
    X, y = iris
    dense = pd.DataFrame(X.mean(axis=0) < X)
    frame = dense.astype(pd.SparseDtype(bool, False))
    for dtype in (np.float32, np.float64):
        model = NumpyNetClassifier(max_iter=2, random_state=0, early_stopping=True, warm_start=True)
        model.fit(dense.astype(dtype), y)
        copied = deepcopy(model).fit(dense, y, X_val=dense, y_val=y)
        model.fit(frame, y, X_val=frame, y_val=y)
        assert_same_model(model, copied, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("convert", [csr_array, coo_array], ids=["csr", "coo"])
def test_sparse_targets_of_regressors_become_dense(diabetes, convert, assert_same_model):
    X, y = diabetes
    Y = np.column_stack([np.maximum(y, 0), y > 0])
    dense, sparse = (
        NumpyNetRegressor(max_iter=2, random_state=0).fit(X, targets, X_val=X, y_val=targets)
        for targets in (Y, convert(Y))
    )
    assert_same_model(dense, sparse)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("values", [(1, 2), (-1, 1)], ids=str)
def test_indicators_other_than_0_and_1_are_refused(iris, solver, values):
    X, y = iris
    indicators = np.eye(3, dtype=int)[y]
    model, strange = NumpyNetClassifier(solver=solver, max_iter=1), np.take(values, indicators)
    with pytest.raises(ValueError, match=r"^y has -?[12] in its columns.*are 0 and 1"):
        model.fit(X, strange)
    with pytest.raises(ValueError, match=r"^y_val has -?[12] in its columns.*are 0 and 1"):
        model.fit(X, indicators, X_val=X, y_val=strange)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"y_val": [np.nan] * 150}, "^Input y_val contains NaN"),
        ({"y_val": [0.0]}, "^X_val and y_val: Found input variables with inconsistent numbers"),
        ({"X_val": pd.DataFrame(np.ones((150, 4)), columns=list("badc"))}, "^X_val and y_val: The"),
        (
            {"X_val": pd.DataFrame(columns=list("abcd")), "y_val": []},
            "^X_val and y_val: Found array with 0 sample",
        ),
    ],
    ids=["NaN", "few", "names", "none"],
)
def test_what_is_wrong_with_a_validation_set_is_said_of_it(iris, wrong, sentence):
    X, y = pd.DataFrame(iris[0], columns=list("abcd")), iris[1]
    for make in (NumpyNetClassifier, NumpyNetRegressor):
        with pytest.raises(ValueError, match=sentence):
            make().fit(X, y, **{"X_val": X, "y_val": y} | wrong)


def test_a_few_plain_rows_pass_without_scikit_learns_checks(iris, monkeypatch):
    X, y = iris
    clf = NumpyNetClassifier(max_iter=2, random_state=0).fit(X, y)
    rows = [X[:1], np.float32(X[:3]), np.asfortranarray(X[:FEW_ROWS])]
    expected = [clf.predict_proba(list(few)) for few in rows]
    labels = [clf._label_binarizer.inverse_transform(P) for P in expected]
    monkeypatch.setattr(arrays, "validate_data", None)
    for few, probabilities, classes in zip(rows, expected, labels, strict=True):
        np.testing.assert_allclose(clf.predict_proba(few), probabilities, rtol=1e-6)
        np.testing.assert_array_equal(clf.predict(few), classes)
    with pytest.raises(TypeError):
        clf.predict(X[: FEW_ROWS + 1])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (np.full((1, 4), np.nan), "Input X contains NaN"),
        (np.full((2, 4), np.inf), "Input X contains infinity"),
        (np.zeros((1, 3)), "X has 3 features, but NumpyNetClassifier is expecting 4"),
        (np.zeros((0, 4)), "Found array with 0 sample"),
        (np.zeros(4), "Expected 2D array, got 1D array"),
        (np.full((1, 4), "a"), "not compatible with arrays of bytes"),
        (np.full((1, 4), 1j), "Complex data not supported"),
    ],
    ids=str,
)
def test_one_row_is_refused_as_many_are(iris, rows, sentence):
    clf = NumpyNetClassifier(max_iter=2, random_state=0).fit(*iris)
    with pytest.raises(ValueError, match=sentence):
        clf.predict(rows)


def test_a_plain_row_is_told_to_lack_names(iris):
    X, y = iris
    clf = NumpyNetClassifier(max_iter=2).fit(pd.DataFrame(X, columns=list("abcd")), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(X[:1])
