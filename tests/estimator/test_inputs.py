"""Arrays that cannot be taken as they are."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

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
