"""Digit Recognizer: a Kaggle pipeline around a neural network written from scratch in NumPy.

>>> from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["NumpyNetClassifier", "NumpyNetRegressor"]


def __getattr__(name):
    # Imported when first used: `digit-recognizer --help` need not wait for scikit-learn.
    if name in __all__:
        return getattr(import_module("digit_recognizer.estimator"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
