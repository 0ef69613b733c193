"""Weights from and to other frameworks, each in a file of its own that imports it at its top.

The estimators' methods (`NumpyNetClassifier.from_torch`, `to_torch`, …) are the way in: they ask
`room` for the file, so that no framework is imported before it is asked for.
"""

from importlib import import_module

# What to do besides, for what another package asks for.
HINTS = {"tensorflow": "set the environment variable KERAS_BACKEND to torch or jax, or "}


def room(name: str):
    """The module that reads and writes a framework's networks, imported now.

    Parameters
    ----------
    name : {"scikit_learn", "torch", "onnx", "skl2onnx", "keras", "flax"}

    Raises
    ------
    ModuleNotFoundError
        If the framework is not installed, with how to install it.
    """
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "digit_recognizer"):
            raise
        raise ModuleNotFoundError(
            f"{package} is not installed: {HINTS.get(package, '')}pip install {package}; all "
            "frameworks come by pip install 'digit-recognizer[interop]'.",
            name=package,
        ) from None
