"""Saving a fitted estimator as safetensors and JSON, and loading it without running code.

``name.safetensors`` holds the arrays of the network; ``name.json`` the parameters, the fitted
attributes, and the SHA-256 of both: what was truncated or altered is refused.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from digit_recognizer.estimator.descriptions import (
    describe_parameters,
    from_plain,
    read_parameters,
    to_plain,
)
from digit_recognizer.files import replacing

FORMAT = "digit-recognizer estimator"
FORMAT_VERSION = 1
# Fitted attributes of plain values, where the estimator has them.
ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "n_outputs_",
    "out_activation_",
    "n_layers_",
    "n_iter_",
    "t_",
    "background_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "history_",
    "validation_scores_",
    "best_validation_score_",
    "classes_",
)
# What values of another kind than `save` writes can lead to.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    SafetensorError,
    TypeError,
    ValueError,
)


def save(estimator, path) -> None:
    """Write a fitted estimator; see `NumpyNetClassifier.save`."""
    weights_path, description_path = _paths(path)
    arrays = {
        f"{index}.{name}": np.ascontiguousarray(array)
        for index, layer in enumerate(estimator._network.layers)
        for name, array in layer.values.items()
    }
    weights = safetensors.numpy.save(arrays)
    description = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "class": type(estimator).__name__,
        "parameters": describe_parameters(estimator),
        "dtype": estimator._network.dtype.name,
        "attributes": {
            name: to_plain(getattr(estimator, name))
            for name in ATTRIBUTES
            if hasattr(estimator, name)
        },
        "targets": estimator._describe_targets(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    description["sha256"] = _digest(description)
    # Both are on the disk before either takes its place.
    with replacing(weights_path) as weights_file, replacing(description_path) as description_file:
        weights_file.write(weights)
        description_file.write((json.dumps(description, indent=2) + "\n").encode())


def load(cls, path):
    """Read what `save` wrote; see `NumpyNetClassifier.load`."""
    weights_path, description_path = _paths(path)
    description = _read_description(cls, description_path)
    weights = _read_bytes(weights_path)
    if hashlib.sha256(weights).hexdigest() != description.get("weights_sha256"):
        raise ValueError(
            f"{weights_path} is truncated, altered or not the one that {description_path.name} "
            "describes; save the estimator again."
        )
    try:
        arrays = safetensors.numpy.load(weights)
        return _restore(cls, description, arrays)
    except MALFORMED as error:
        raise ValueError(f"{weights_path} does not fit its description: {error}.") from error


def _restore(cls, description, arrays):
    estimator = cls(**read_parameters(description["parameters"]))
    estimator.check_parameters()
    for name, value in description["attributes"].items():
        if name not in ATTRIBUTES:
            raise ValueError(f"unknown attribute {name!r}")
        setattr(estimator, name, from_plain(value))
    estimator._restore_targets(description["targets"])
    estimator._restore_network(np.dtype(description["dtype"]))
    layers = estimator._network.layers
    expected = {f"{i}.{name}" for i, layer in enumerate(layers) for name in layer.values}
    if expected != set(arrays):
        raise ValueError(f"arrays {sorted(set(arrays) ^ expected)} are missing or too many")
    for index, layer in enumerate(layers):
        for name, view in layer.values.items():
            array = arrays[f"{index}.{name}"]
            if array.shape != view.shape or array.dtype != view.dtype:
                raise ValueError(
                    f"array {index}.{name} is {array.dtype} {array.shape}, "
                    f"the network's {view.dtype} {view.shape}"
                )
            view[...] = array
    return estimator


def _paths(path):
    path = Path(path)
    if path.suffix in (".safetensors", ".json"):
        path = path.with_suffix("")
    return path.with_name(path.name + ".safetensors"), path.with_name(path.name + ".json")


def _read_bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); check its name.") from error


def _read_description(cls, path):
    try:
        description = json.loads(_read_bytes(path))
        digest = description.pop("sha256")
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is truncated or no description of an estimator.") from error
    version = description.get("version")
    if description.get("format") != FORMAT or not isinstance(version, int):
        raise ValueError(f"{path} is no description of an estimator of this library.")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version}, newer than {FORMAT_VERSION}, the newest known "
            "here; update digit-recognizer."
        )
    if digest != _digest(description):
        raise ValueError(f"{path} was altered after it was saved; save the estimator again.")
    name = description.get("class")
    if name != cls.__name__:
        raise ValueError(
            f"{path} describes a {name}; load it with {name}.load, not {cls.__name__}.load."
        )
    return description


def _digest(description):
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
