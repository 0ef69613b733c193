"""What a fit took is free when it ends, without the garbage collector."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.estimator import Checkpoint

IMAGES = {"architecture": "8C3-BN-R-8C3-R-MP2-32N-D0.2", "input_shape": (12, 12)}
WATCHED = {"early_stopping": True, "ema_decay": 0.9, "scoring": "accuracy"}
DEFORMED = {"augment": {"rotation": 5, "elastic": 1.0}, "views": {"shift": 1}}
X = np.random.default_rng(0).random((300, 144), dtype=np.float32)
y = np.arange(300) % 3


def fit(classifier):
    classifier.fit(X, y)


def fit_and_predict(classifier):
    classifier.fit(X, y).predict(X)


def learn_in_parts(classifier):
    for _ in range(2):
        classifier.partial_fit(X, y, classes=[0, 1, 2])


def leave(classifier):
    next(classifier.fit_epochs(X, y))


def go_on(classifier):
    for _ in classifier.fit_epochs(X, y):
        state = classifier.training_state()
        break
    for _ in classifier.fit_epochs(X, y, state=state):
        pass


def diverge(classifier):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        classifier.set_params(solver="sgd", learning_rate_init=1e30).fit(X, y)


def save_each_epoch(classifier):
    if hasattr(classifier, "set_callbacks"):
        classifier.set_callbacks(Checkpoint("model"))
    classifier.fit(X, y)


@pytest.mark.parametrize(
    ("use", "parameters"),
    [
        (fit_and_predict, {"hidden_layer_sizes": 300}),
        (fit, {"hidden_layer_sizes": 300, "solver": "lbfgs"}),
        (fit, {"hidden_layer_sizes": 300, "batch_norm": True}),
        (fit_and_predict, IMAGES),
        (fit, IMAGES | WATCHED),
        (fit_and_predict, IMAGES | DEFORMED),
        (learn_in_parts, IMAGES),
        (leave, IMAGES),
        (go_on, IMAGES),
        (diverge, IMAGES),
        (save_each_epoch, IMAGES),
    ],
)
def test_memory_is_back_without_the_garbage_collector(
    use, parameters, bytes_of, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)

    def whole():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            use(NumpyNetClassifier(max_iter=2, random_state=0, **parameters))

    held, peak = bytes_of(whole)
    assert peak > 1_000_000
    assert held < 150_000


def test_a_fitted_estimator_holds_its_parameters_and_its_optimizer_only(bytes_of):
    kept = []

    def use():
        kept[:] = [NumpyNetClassifier(max_iter=1, random_state=0, **IMAGES)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            kept[0].fit(X, y).predict(X)

    held, peak = bytes_of(use)
    # Values, their gradients, and two moments.
    values = kept[0]._network.parameters.values
    assert held < 4 * values.nbytes + 150_000 < peak
