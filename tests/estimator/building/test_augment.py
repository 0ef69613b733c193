"""The estimators' `augment`."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.nn import Augment

AUGMENT = {"rotation": 10, "shift": 1, "elastic": 0.5}
OPTIONS = {"learning_rate": "cosine", "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def fitted(digits, **options):
    return NumpyNetClassifier((16,), **OPTIONS | options).fit(*digits)


def test_a_dict_and_an_augment_are_the_same(digits):
    of_dict, of_object = (fitted(digits, augment=a) for a in (AUGMENT, Augment(**AUGMENT)))
    np.testing.assert_array_equal(of_dict.coefs_[0], of_object.coefs_[0])
    assert (of_dict.coefs_[0] != fitted(digits).coefs_[0]).any()


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_users_images_stay_as_they_are(digits, shuffle):
    X, _ = digits
    before = X.copy()
    fitted(digits, augment=AUGMENT, shuffle=shuffle)
    np.testing.assert_array_equal(X, before)


def test_augmentation_without_deformation_changes_nothing(digits):
    plain, none = fitted(digits, shuffle=False), fitted(digits, shuffle=False, augment={})
    np.testing.assert_array_equal(plain.coefs_[0], none.coefs_[0])


def test_it_works_with_images_and_with_the_regressor(digits):
    X, y = digits
    NumpyNetClassifier(architecture="4C3-R", augment=AUGMENT, **OPTIONS).fit(X, y)
    NumpyNetRegressor(augment=AUGMENT, **OPTIONS).fit(X, y)
    NumpyNetRegressor(augment=AUGMENT, input_shape=(4, 16), **OPTIONS).fit(X, y)


@pytest.mark.parametrize(
    ("options", "n_features", "message"),
    [
        ({"augment": {"rotate": 3}}, 64, "augment: 'rotate' is unknown; choose of rotation, scale"),
        ({"augment": {"scale": 2}}, 64, "augment: scale must be below 1, got 2"),
        ({"augment": {"shift": 1}}, 63, "63 features are no square; give input_shape"),
        (
            {"augment": {}, "solver": "lbfgs"},
            64,
            "does not support dropout, batch norm.* or augment",
        ),
    ],
)
def test_mistakes_are_named(digits, options, n_features, message):
    X, y = digits
    with pytest.raises(ValueError, match=message):
        NumpyNetClassifier(**options).fit(X[:, :n_features], y)


@pytest.mark.parametrize("augment", [AUGMENT, Augment(**AUGMENT)])
def test_it_is_cloned_and_saved(digits, tmp_path, augment):
    clf = fitted(digits, augment=augment)
    assert clone(clf).augment == augment
    clf.save(tmp_path / "net")
    loaded = NumpyNetClassifier.load(tmp_path / "net")
    assert loaded.augment == augment
    np.testing.assert_array_equal(loaded.predict_proba(digits[0]), clf.predict_proba(digits[0]))
