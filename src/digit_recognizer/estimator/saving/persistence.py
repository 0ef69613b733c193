"""Saving a fitted estimator as one safetensors file, and loading it without running code.

The arrays of the network, and in the header's metadata a JSON description: the parameters and the
fitted attributes, with the SHA-256 of all, so that what was truncated or altered is refused.
"""

import os
from pathlib import Path

import numpy as np

from digit_recognizer.estimator.building.by_hand import with_sizes_of_weights
from digit_recognizer.estimator.building.weights import adopt_weights
from digit_recognizer.estimator.saving.descriptions import (
    describe_parameters,
    from_plain,
    read_parameters,
    to_plain,
)
from digit_recognizer.estimator.saving.documents import MALFORMED, pack, unpack
from digit_recognizer.files import (
    check_replaceable,
    explaining_path,
    leftovers,
    remove_leftovers,
    replacing_file,
)

FORMAT, FORMAT_VERSION, SUFFIX = "estimator", 1, ".safetensors"
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
    "input_shift_",
    "input_scale_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "history_",
    "validation_scores_",
    "best_validation_score_",
    "classes_",
)


def to_bytes(estimator) -> bytes:
    """The file of a fitted estimator.

    Raises
    ------
    ValueError
        If a parameter is a Python object that only pickle could hold.
    """
    adopt_weights(estimator)
    estimator = with_sizes_of_weights(estimator)
    arrays = {
        f"{index}.{name}": array
        for index, layer in enumerate(estimator._network.layers)
        for name, array in layer.values.items()
    }
    description = {
        "class": type(estimator).__name__,
        "parameters": describe_parameters(estimator),
        "dtype": estimator._network.dtype.name,
        "attributes": {
            name: to_plain(getattr(estimator, name))
            for name in ATTRIBUTES
            if hasattr(estimator, name)
        },
        "targets": estimator._describe_targets(),
    }
    return pack(FORMAT, FORMAT_VERSION, arrays, description)


def save(estimator, path, flush=True) -> None:
    """Write a fitted estimator; see `NumpyNetClassifier.save`.

    Without `flush` it does not wait for the disk, see `files.replacing_file`.
    """
    path, content = file_path(path), to_bytes(estimator)
    with explaining_path(path), replacing_file(path, flush) as file:
        file.write(content)
    if flush:
        remove_leftovers(leftovers(path))


def check_ahead(estimator, path) -> None:
    """Find out, before a training, whether the estimator can be saved and the path be written.

    Raises
    ------
    OSError, ValueError
        As `save` would.
    """
    describe_parameters(estimator)
    path = file_path(path)
    with explaining_path(path):
        check_replaceable(path)


def load(cls, path):
    """Read what `save` wrote; see `NumpyNetClassifier.load`."""
    path = file_path(path)
    with explaining_path(path, "check its name and permissions"):
        content = path.read_bytes()
    arrays, description = unpack(FORMAT, FORMAT_VERSION, content, str(path))
    name = description.get("class")
    if name != cls.__name__:
        raise ValueError(
            f"{path} describes a {name}; load it with {name}.load, not {cls.__name__}.load."
        )
    try:
        return _restore(cls, description, arrays)
    except MALFORMED as error:
        raise ValueError(f"{path} does not fit its description: {error}.") from error


def file_path(path) -> Path:
    """Where an estimator saved to `path` is: with the suffix, and ``~`` as the user's folder.

    Raises
    ------
    ValueError
        If `path` has no name of a file.
    """
    given = os.fspath(path)
    path = Path(given)
    if path.parts[:1] == ("~",):
        path = path.expanduser()
    if given == "~" or path.name in ("", "..") or given.endswith(("/", os.sep)):
        raise ValueError(f"{given!r} names a folder; add the name of a file, such as 'model'.")
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def _restore(cls, description, arrays):
    estimator = cls(**read_parameters(description["parameters"]))
    estimator.check_parameters()
    # Files of earlier versions have no scaling.
    estimator.input_shift_, estimator.input_scale_ = 0.0, 1.0
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
