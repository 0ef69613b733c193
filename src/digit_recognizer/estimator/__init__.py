"""scikit-learn's contract around the network."""

from digit_recognizer.estimator.classifier import NumpyNetClassifier
from digit_recognizer.estimator.fitting.callbacks import Checkpoint
from digit_recognizer.estimator.fitting.cores import granted_cores, n_blas_threads
from digit_recognizer.estimator.fitting.solvers import planned_epochs
from digit_recognizer.estimator.regressor import NumpyNetRegressor
from digit_recognizer.estimator.saving.signature import WrongState
from digit_recognizer.estimator.saving.training_state import TrainingState

__all__ = [
    "Checkpoint",
    "NumpyNetClassifier",
    "NumpyNetRegressor",
    "TrainingState",
    "WrongState",
    "granted_cores",
    "n_blas_threads",
    "planned_epochs",
]
