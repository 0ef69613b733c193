"""Trainings of the small classifier, and the states that they are gone on from."""

import copy
import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import ShuffleSplit

from digit_recognizer import NumpyNetClassifier, nn
from digit_recognizer.estimator import TrainingState

unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
images, digits = load_digits(return_X_y=True)
X, Y = (images[:150] / 16).astype(np.float32), digits[:150]
X_VAL, Y_VAL = (images[150:200] / 16).astype(np.float32), digits[150:200]
WEIGHTS = np.linspace(0, 2, len(X), dtype=np.float32)

SMALL = {"hidden_layer_sizes": (12,), "max_iter": 5, "batch_size": 40, "random_state": 0}
SGD = {"solver": "sgd", "learning_rate_init": 0.05}
CONVOLUTION = {
    "hidden_layer_sizes": (100,),
    "architecture": "4C3-MP2-BN-R-6C3-BN-R-D0.3-8N-R",
    "augment": {"rotation": 10, "shift": 1, "elastic": 0.3, "soft_epochs": 2},
}


class Cube(nn.Layer):
    """A layer of one's own."""

    def forward(self, X, memory):
        memory.kept = X
        return X**3

    def backward(self, dY, memory, need_dX=True):
        return 3 * memory.kept**2 * dY


CASES = {
    "sgd": SGD,
    "sgd invscaling": SGD | {"learning_rate": "invscaling"},
    "sgd cosine": SGD | {"learning_rate": "cosine"},
    "sgd one_cycle": SGD | {"learning_rate": "one_cycle"},
    "sgd adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 1e-4,
        "tol": 10.0,
        "n_iter_no_change": 1,
        "max_iter": 30,
    },
    "sgd adaptive, early stopping": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 1e-5,
        "early_stopping": True,
        "tol": 0.5,
        "n_iter_no_change": 1,
        "max_iter": 30,
    },
    "sgd plain": SGD | {"momentum": 0.0, "nesterovs_momentum": False},
    "adam": {},
    "adam that converges": {"tol": 10.0, "n_iter_no_change": 3, "max_iter": 30},
    "adamw": {"solver": "adamw", "learning_rate": "one_cycle", "max_gradient_norm": 0.5},
    "muon": {"solver": "muon", "hidden_layer_sizes": (12, 8), "learning_rate_init": 0.01},
    "dropout": {"dropout": 0.4},
    "batch_norm": {"batch_norm": True},
    "convolution": CONVOLUTION,
    "convolution, average": CONVOLUTION | {"ema_decay": 0.9, "solver": "adamw"},
    "average": {"ema_decay": 0.95, "dropout": 0.2},
    "average, convergence": {"ema_decay": 0.95, "tol": 10.0, "n_iter_no_change": 2},
    "early stopping": {
        "early_stopping": True,
        "learning_rate_init": 0.1,
        "n_iter_no_change": 2,
        "max_iter": 60,
    },
    "early stopping, average": {
        "early_stopping": True,
        "ema_decay": 0.8,
        "learning_rate_init": 0.1,
        "n_iter_no_change": 2,
        "max_iter": 60,
    },
    "scoring": {"early_stopping": True, "scoring": "f1_micro", "learning_rate": "cosine"},
    "a scorer": {"early_stopping": True, "scoring": lambda model, X, y: 1 - model.score(X, y)},
    "splitter": {
        "early_stopping": True,
        "validation_fraction": ShuffleSplit(1, test_size=0.2, random_state=1),
    },
    "label smoothing": {"label_smoothing": 0.1, "class_weight": "balanced"},
    "no shuffle": {"shuffle": False, "dropout": 0.2},
    "no shuffle, augment": {"shuffle": False, "augment": nn.Augment(shift=1.0)},
    "no random_state": {"random_state": None, "early_stopping": True},
    "a RandomState": {"random_state": np.random.RandomState(3)},
    "functions": {"activation": (np.tanh, lambda Z: 1 - np.tanh(Z) ** 2)},
    "layers": {
        "architecture": [nn.Dense(8, bias=False), nn.BatchNorm(), Cube(), nn.LeakyReLU(0.1)],
        "hidden_layer_sizes": (100,),
    },
}
RECORDS = (
    "loss_curve_",
    "validation_scores_",
    "best_loss_",
    "best_validation_score_",
    "loss_",
    "n_iter_",
    "t_",
    "_no_improvement_count",
)


def through_bytes(state):
    return TrainingState.from_bytes(state.to_bytes())


def without_seconds(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


def plain_without_seconds(state):
    plain = copy.deepcopy(state.plain)
    for record in plain["records"]["history_"]:
        del record["dict"]["seconds"]
    return json.dumps(plain, sort_keys=True)


def assert_same_state(actual, expected):
    assert plain_without_seconds(actual) == plain_without_seconds(expected)
    assert actual.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        assert array.dtype == actual.arrays[name].dtype
        assert array.tobytes() == actual.arrays[name].tobytes(), name


def assert_same(actual, expected, data):
    """Weights, predictions, records and whatever else training would go on from."""
    mine, other = (model._network.parameters.values for model in (actual, expected))
    assert mine.tobytes() == other.tobytes()
    assert actual.predict(data[0]).tobytes() == expected.predict(data[0]).tobytes()
    assert without_seconds(actual.history_) == without_seconds(expected.history_)
    for name in RECORDS:
        assert getattr(actual, name) == getattr(expected, name), name
    assert_same_state(actual.training_state(), expected.training_state())


def fit_and_keep(model, data):
    """Train; returns the states after each epoch."""
    return [through_bytes(model.training_state()) for _ in model.fit_epochs(*data)]


def classifier(**options):
    # Copied: a RandomState must be the same for each.
    return lambda: NumpyNetClassifier(**copy.deepcopy(SMALL | options))
