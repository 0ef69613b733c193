"""Frameworks that are not installed."""

import sys

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier

NEEDED = {"torch": "torch", "keras": "keras", "flax": "jax", "onnx": "onnx"}


@pytest.mark.parametrize("framework", NEEDED)
def test_a_missing_framework_is_told_with_the_command_that_installs_it(framework, monkeypatch):
    package = NEEDED[framework]
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"digit_recognizer.interop.{framework}", raising=False)
    clf = NumpyNetClassifier((2,), max_iter=1, learning_rate="cosine").fit(np.eye(4), [0, 1, 1, 0])
    arguments = ["net.onnx"] if framework == "onnx" else []
    message = (
        rf"{package} is not installed: pip install {package}; all frameworks come by pip install "
        r"'digit-recognizer\[interop\]'\."
    )
    with pytest.raises(ModuleNotFoundError, match=message):
        getattr(clf, f"to_{framework}")(*arguments)


def test_a_missing_backend_of_keras_is_told_with_the_variable_that_names_another(monkeypatch):
    from digit_recognizer import interop

    def without_tensorflow(name):
        raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")

    monkeypatch.setattr(interop, "import_module", without_tensorflow)
    with pytest.raises(ModuleNotFoundError, match="environment variable KERAS_BACKEND to torch"):
        NumpyNetClassifier.from_keras(None)
