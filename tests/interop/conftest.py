"""Networks to exchange, and what each framework predicts with them."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

FAST = Path(__file__).parents[2] / "recipes" / "fast.toml"
NETWORKS = {
    "dense": "64N-R-32N-BN-LR0.2-D0.3-16N-SW",
    "lenet-5": "6C5P2-T-AP2-16C5-T-AP2-120N-T-84N-T",
    "fast": tomllib.loads(FAST.read_text(encoding="utf-8"))["model"]["architecture"],
    "strided": "8C3S2-S-8C3-BN-R-GAP",
}


@pytest.fixture(scope="session")
def images():
    """Random images of 28×28 pixels as rows, float32."""
    return np.random.default_rng(0).random((40, 784), dtype=np.float32)


@pytest.fixture(scope="session", params=NETWORKS)
def classifier(request, images):
    """A trained classifier of ten classes for each network."""
    clf = NumpyNetClassifier(
        architecture=NETWORKS[request.param], learning_rate="cosine", max_iter=1, random_state=0
    )
    return clf.fit(images, np.arange(len(images)) % 10)


def _targets(n):
    rng = np.random.default_rng(1)
    return {
        "strings": (NumpyNetClassifier, np.array(["eight", "nine", "zero"])[np.arange(n) % 3]),
        "binary": (NumpyNetClassifier, np.arange(n) % 2 == 0),
        "multilabel": (NumpyNetClassifier, rng.integers(0, 2, (n, 3))),
        "regression": (NumpyNetRegressor, rng.random(n, dtype=np.float32)),
        "several targets": (NumpyNetRegressor, rng.random((n, 2), dtype=np.float32)),
    }


@pytest.fixture(scope="session", params=_targets(1))
def of_each_kind(request, images):
    """A trained estimator of each kind of targets, on images of 4×7 pixels and three channels."""
    X = images[:, :84]
    cls, y = _targets(len(X))[request.param]
    settings = {"input_shape": (4, 7, 3), "learning_rate": "cosine", "max_iter": 1}
    # Between the images and the dense layer features are normalized one by one.
    layers = "5C3P1-R-MP2-D0.2-8N-T-BN"
    return cls(architecture=layers, random_state=0, **settings).fit(X, y), X


@pytest.fixture
def assert_goes_on():
    """A function that asserts that training goes on from where a read estimator stands."""

    def check(estimator, X, y):
        before = estimator.coefs_[0].copy()
        estimator.partial_fit(X, y)
        assert 0 < np.abs(estimator.coefs_[0] - before).max() < 0.1

    return check


@pytest.fixture(scope="session")
def raw():
    """A function for what an estimator's network returns, of shape (n, n_outputs)."""

    def predict(estimator, X):
        if isinstance(estimator, NumpyNetRegressor):
            return estimator.predict(X).reshape(len(X), -1)
        probabilities = estimator.predict_proba(X)
        return probabilities[:, 1:] if estimator.n_outputs_ == 1 else probabilities

    return predict
