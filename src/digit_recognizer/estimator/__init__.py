"""scikit-learn's contract around the network."""

from digit_recognizer.estimator.classifier import NumpyNetClassifier
from digit_recognizer.estimator.regressor import NumpyNetRegressor

__all__ = ["NumpyNetClassifier", "NumpyNetRegressor"]
