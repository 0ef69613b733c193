"""What decides a training, as plain values: parameters, data, shapes."""

import dataclasses
import hashlib
import json

import numpy as np

from digit_recognizer.estimator.building.construction import augment_of
from digit_recognizer.estimator.saving.descriptions import describe_part, to_plain
from digit_recognizer.nn import Augment, Layer, Optimizer, VarianceScaling
from digit_recognizer.nn.interface.representation import call_of

# Parameters that change nothing of what is trained.
WITHOUT_EFFECT = ("max_fun", "verbose", "views", "warm_start")


class WrongState(ValueError):
    """A training state of another estimator or of other data."""


def describe_estimator(estimator) -> dict:
    """The class and the parameters, as plain values; what has none goes by its name."""
    parameters = estimator.get_params(deep=False) | {"augment": augment_of(estimator)}
    return {
        "class": type(estimator).__name__,
        "parameters": {
            name: _plain(value) for name, value in parameters.items() if name not in WITHOUT_EFFECT
        },
    }


def describe_data(estimator, training, validation) -> dict:
    """Shapes, dtype, and SHA-256 digests of the rows that are trained and measured on.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
        With its network.
    training, validation : tuple of (X, y, sample_weight) or None
        With encoded targets.
    """
    classes = np.asarray(getattr(estimator, "classes_", [])).tolist()
    parts = {
        "classes": hashlib.sha256(repr(classes).encode()).hexdigest(),
        "dtype": estimator._network.dtype.name,
        "number of parameters": estimator._network.parameters.values.size,
    }
    names = ("X", "y", "sample_weight")
    parts |= {name: _digest(array) for name, array in zip(names, training, strict=True)}
    for name, array in zip(names, validation or (None, None, None), strict=True):
        parts[f"validation {name}"] = _digest(array)
    return parts


def check_estimator_signature(signature: dict, estimator) -> None:
    """Refuse a state that another class, or other parameters, made.

    Raises
    ------
    ValueError
        Naming the first parameter that differs.
    """
    now = describe_estimator(estimator)
    if signature["class"] != now["class"]:
        raise WrongState(
            f"The training state is of a {signature['class']}, not of a {now['class']}; give it to "
            "an estimator of the class it was taken from."
        )
    name = _first_difference(signature["parameters"], now["parameters"])
    if name is not None:
        was, is_now = (side["parameters"].get(name) for side in (signature, now))
        raise WrongState(
            f"The training state was taken with {name}={was!r}, but {name} is {is_now!r} now; set "
            "it to what it was, or start without the state."
        )


def check_data_signature(signature: dict, now: dict) -> None:
    """Refuse a state of other data, see `describe_data`.

    Raises
    ------
    ValueError
        Naming the first part that differs.
    """
    name = _first_difference(signature, now)
    if name is not None:
        raise WrongState(
            f"The training state was taken with other data ({name} is not what it was); give the "
            "data of the state, or start without it."
        )


def _first_difference(old, new):
    """The first name whose values differ; compared as JSON, in which NaN equals NaN."""
    for name in sorted(old.keys() | new.keys()):
        both = [json.dumps(side.get(name), sort_keys=True) for side in (old, new)]
        if name not in old or name not in new or both[0] != both[1]:
            return name
    return None


def _plain(value):
    if isinstance(value, list | tuple):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return sorted(([_plain(k), _plain(v)] for k, v in value.items()), key=repr)
    if isinstance(value, Augment | VarianceScaling):
        return _plain(dataclasses.asdict(value))
    is_part = isinstance(value, Layer | Optimizer)
    try:
        return describe_part(value) if is_part else to_plain(value)
    except ValueError:
        # A function, a scorer, a splitter, a part of one's own: what a splitter does to the rows is
        # in the digests of the data.
        named = value if hasattr(value, "__qualname__") else type(value)
        return f"{named.__module__}.{call_of(value) if is_part else named.__qualname__}"


def _digest(array):
    if array is None:
        return None
    digest = hashlib.sha256()
    parts = [array] if isinstance(array, np.ndarray) else [array.data, array.indices, array.indptr]
    for part in parts:
        digest.update(f"{part.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(part))
    return digest.hexdigest()
