"""scikit-learn's own checks of an estimator, whole, for the defaults and for what could hurt."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

# The checks fit for few epochs.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Every option that changes how a fit goes; every other one for regressors too, which fit alike.
CONFIGURATIONS = [
    {"dropout": 0.3},
    {"batch_norm": True},
    {"early_stopping": True, "validation_fraction": 0.4},
    {"solver": "lbfgs"},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "nesterovs_momentum": False},
    {"solver": "adamw", "learning_rate": "cosine", "learning_rate_init": 0.01},
    {"learning_rate": "one_cycle", "learning_rate_init": 0.02, "ema_decay": 0.9},
    {"architecture": "32N-BN-R-D0.2-16N-SW"},
    {"activation": ["silu", "logistic"], "hidden_layer_sizes": [16, 8], "batch_size": 7},
    {"max_gradient_norm": 0.5, "learning_rate_init": 0.01, "shuffle": False},
    {"scaling": "unit"},
    {"scaling": "standard", "solver": "lbfgs"},
    {"solver": "muon", "learning_rate_init": 0.01},
]
# Enough for the accuracies that the checks want; the defaults keep their own number of epochs.
N_EPOCHS = 60
CLASSIFIERS = [
    NumpyNetClassifier(max_iter=N_EPOCHS, **options)
    for options in (*CONFIGURATIONS, {"class_weight": "balanced", "label_smoothing": 0.1})
]
POISSON = {"loss": "poisson", "hidden_layer_sizes": (50, 20), "learning_rate_init": 0.01}
REGRESSORS = [
    NumpyNetRegressor(max_iter=N_EPOCHS, **options) for options in (*CONFIGURATIONS[::2], POISSON)
]

# A row of weight 2 is to act as two rows of weight 1.
WEIGHT_CHECKS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
PARTIAL_FIT_CHECKS = (
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_estimators_partial_fit_n_features",
)


def impossible(estimator) -> dict:
    """Checks that cannot hold for a configuration in principle, each with its reason."""
    architecture = estimator.architecture or ""
    reasons = {
        "dropout draws numbers for each row": estimator.dropout or "-D" in architecture,
        "batch statistics count rows": estimator.batch_norm or "BN" in architecture,
        "the validation split draws rows": estimator.early_stopping,
        "the schedule counts rows": estimator.learning_rate == "invscaling",
        "a batch is a number of rows": estimator.batch_size != "auto",
    }
    failures = {
        check: reason for reason, holds in reasons.items() if holds for check in WEIGHT_CHECKS
    }
    if estimator.early_stopping:
        # Known only when it is called, as scikit-learn's own tests want it.
        refused = "partial_fit refuses early_stopping, as MLPClassifier's does"
        failures |= dict.fromkeys(PARTIAL_FIT_CHECKS, refused)
    return failures


@parametrize_with_checks([NumpyNetClassifier(), NumpyNetRegressor()])
def test_the_defaults_pass_every_check(estimator, check):
    check(estimator)


@parametrize_with_checks([*CLASSIFIERS, *REGRESSORS], expected_failed_checks=impossible)
def test_every_option_passes_every_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", [NumpyNetClassifier, NumpyNetRegressor])
@pytest.mark.parametrize(
    "check", [check_dataframe_column_names_consistency, check_param_validation]
)
def test_passes_checks_that_check_estimator_leaves_out(Estimator, check):
    check(Estimator.__name__, Estimator())
