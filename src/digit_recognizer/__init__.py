"""Digit Recognizer: a Kaggle pipeline around a neural network written from scratch in NumPy.

>>> from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, load_images, load_run
"""

from importlib import import_module

__version__ = "0.1.0"
# Where each name is from. Imported when first used: `digit-recognizer --help` need not wait for
# scikit-learn.
_PLACES = {
    "NumpyNetClassifier": "digit_recognizer.estimator",
    "NumpyNetRegressor": "digit_recognizer.estimator",
    "load_images": "digit_recognizer.pipeline.sources.images",
    "load_run": "digit_recognizer.pipeline.run_classifier",
}
__all__ = ["NumpyNetClassifier", "NumpyNetRegressor", "load_images", "load_run"]


def __getattr__(name):
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
