"""Networks to exchange, and what each framework predicts with them."""

import os
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


class Torch:
    """PyTorch, imported where a test runs that needs it, as the others are."""

    name = "torch"

    def __init__(self):
        self.torch = pytest.importorskip("torch")

    def run(self, module, X, shape):
        X = X.reshape(-1, *shape)
        X = X.transpose(0, 3, 1, 2) if len(shape) == 3 else X
        dtype = next(module.parameters()).dtype
        with self.torch.no_grad():
            return module.eval()(self.torch.from_numpy(X.copy()).to(dtype)).numpy()


class Keras:
    """Keras, by default on PyTorch."""

    name = "keras"

    def __init__(self):
        os.environ.setdefault("KERAS_BACKEND", "torch")
        self.keras = pytest.importorskip("keras")

    def run(self, model, X, shape):
        return self.keras.ops.convert_to_numpy(model(X.reshape(-1, *shape)))


class Flax:
    """Flax NNX."""

    name = "flax"

    def __init__(self):
        pytest.importorskip("jax")
        self.nnx = pytest.importorskip("flax.nnx")

    def run(self, module, X, shape):
        module.eval()
        return np.asarray(module(X.reshape(-1, *shape)))


@pytest.fixture(scope="session")
def in_torch():
    return Torch()


@pytest.fixture(scope="session")
def in_keras():
    return Keras()


@pytest.fixture(scope="session")
def in_flax():
    return Flax()


@pytest.fixture(params=["torch", "keras", "flax"])
def framework(request):
    """Each framework: `run(module, X, shape)` is what a module returns for samples as rows."""
    return request.getfixturevalue(f"in_{request.param}")


@pytest.fixture(scope="session")
def softmax():
    """The softmax of logits, in NumPy."""

    def softmax(Z):
        return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)

    return softmax


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
