"""The estimators' `views`."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.nn import Views

OPTIONS = {"learning_rate": "cosine", "max_iter": 3, "random_state": 0}
VIEWS = {"shift": 1, "rotation": 8}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    # The background is not 0.
    return X[:300] / 16 - 0.5, y[:300]


def fitted(digits, **options):
    return NumpyNetClassifier((16,), **OPTIONS | options).fit(*digits)


def test_training_is_as_without_views(digits):
    plain, viewing = fitted(digits), fitted(digits, views=VIEWS)
    np.testing.assert_array_equal(plain.coefs_[0], viewing.coefs_[0])


def test_views_can_be_set_on_a_fitted_estimator(digits):
    X, _ = digits
    viewing = fitted(digits, views=Views(**VIEWS))
    later = fitted(digits).set_params(views=VIEWS)
    np.testing.assert_array_equal(viewing.predict_proba(X), later.predict_proba(X))
    plain = later.set_params(views=None).predict_proba(X)
    assert (plain != viewing.predict_proba(X)).any()
    np.testing.assert_allclose(viewing.predict_proba(X).sum(axis=1), 1)


def test_what_comes_in_from_outside_is_the_background_of_training(digits):
    X, _ = digits
    model = fitted(digits, views={"shift": 1})
    assert model.background_ == -0.5
    alone = model.predict_proba(X[:1])
    padded = np.pad(X[:1].reshape(8, 8), 1, constant_values=-0.5)
    seen = [padded[y : y + 8, x : x + 8] for y, x in [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]]
    one_by_one = model.set_params(views=None).predict_proba(np.reshape(seen, (5, 64)))
    np.testing.assert_allclose(one_by_one.mean(axis=0), alone[0])


def test_a_saved_estimator_keeps_its_views_and_background(digits, tmp_path):
    for views in (VIEWS, Views(**VIEWS)):
        model = fitted(digits, views=views)
        model.save(tmp_path / "model")
        loaded = NumpyNetClassifier.load(tmp_path / "model")
        assert loaded.views == views
        np.testing.assert_array_equal(
            loaded.predict_proba(digits[0]), model.predict_proba(digits[0])
        )


def test_regressors_and_sparse_rows_have_views_too(digits):
    X, y = digits
    model = NumpyNetRegressor(hidden_layer_sizes=(16,), views=VIEWS, **OPTIONS).fit(
        sparse.csr_matrix(X + 0.5), y
    )
    dense = model.predict(X + 0.5)
    np.testing.assert_allclose(model.predict(sparse.csr_matrix(X + 0.5)), dense)
    assert (model.set_params(views=None).predict(X + 0.5) != dense).any()


@pytest.mark.parametrize(
    ("options", "n_features", "message"),
    [
        ({"views": {"turn": 3}}, 64, "views: 'turn' is unknown; choose of shift, rotation"),
        ({"views": {"shift": -1}}, 64, "views: shift must be at least 0"),
        ({"views": {"shift": 1}}, 63, "63 features are no square; give input_shape"),
    ],
)
def test_wrong_views_are_named(options, n_features, message):
    with pytest.raises(ValueError, match=message):
        NumpyNetClassifier(**options).check_parameters(n_features)
