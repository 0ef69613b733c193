"""scikit-learn's own checks of an estimator, whole."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

# The checks fit for few epochs.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([NumpyNetClassifier(), NumpyNetRegressor()])
def test_passes_every_check_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", [NumpyNetClassifier, NumpyNetRegressor])
@pytest.mark.parametrize(
    "check", [check_dataframe_column_names_consistency, check_param_validation]
)
def test_passes_checks_that_check_estimator_leaves_out(Estimator, check):
    check(Estimator.__name__, Estimator())
