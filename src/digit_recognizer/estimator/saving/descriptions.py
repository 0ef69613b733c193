"""Parameters, layers and fitted attributes as plain values of JSON, and back."""

import dataclasses
import inspect
from numbers import Integral, Real

import numpy as np

from digit_recognizer import nn
from digit_recognizer.nn.arrays.initializers import VarianceScaling

# What JSON has as it is.
PLAIN = {str, bool, int, float, type(None)}
REFUSED = (
    "cannot be saved without pickle; give a value that is plain or of this library, or store the "
    "estimator with joblib.dump."
)
# The only classes that a file may name.
PARTS = {
    name: kind
    for name, kind in vars(nn).items()
    if isinstance(kind, type)
    and issubclass(kind, nn.Layer | nn.Optimizer)
    and kind not in (nn.Layer, nn.Activation, nn.CustomActivation, nn.Optimizer)
}


def to_plain(value):
    """A value of JSON for an attribute's value; arrays keep their dtype.

    Raises
    ------
    ValueError
        If only pickle could hold the value.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, np.ndarray):
        kind = "object" if value.dtype.hasobject else value.dtype.str
        # Times are integers with a unit, which is in the dtype.
        value = value.view(np.int64) if value.dtype.kind in "mM" else value
        return {"dtype": kind, "array": [to_plain(v) for v in value.tolist()]}
    if isinstance(value, list | tuple | range):
        return [to_plain(v) for v in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: to_plain(v) for key, v in value.items()}}
    raise ValueError(f"{value!r} {REFUSED}")


def from_plain(value):
    """The value that `to_plain` made plain; tuples come back as lists."""
    if isinstance(value, list):
        return [from_plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {key: from_plain(v) for key, v in value["dict"].items()}
    return np.array(value["array"], dtype=value["dtype"])


def describe_parameters(estimator) -> dict:
    """The estimator's parameters that differ from their defaults, as plain values.

    Raises
    ------
    ValueError
        Naming the parameter that cannot be saved.
    """
    description = {}
    defaults = type(estimator)().get_params()
    for name, value in estimator.get_params(deep=False).items():
        if value is defaults[name]:
            continue
        if name == "random_state" and isinstance(value, np.random.RandomState):
            # Its state belongs to whoever else draws from it.
            continue
        try:
            description[name] = _describe(name, value)
        except ValueError as error:
            raise ValueError(f"Parameter {name}: {error}") from error
    return description


def _describe(name, value):
    if name == "class_weight" and isinstance(value, list):
        return {"labels": [_describe(name, weights) for weights in value]}
    if name == "class_weight" and isinstance(value, dict):
        return {"pairs": [[to_plain(k), to_plain(v)] for k, v in value.items()]}
    if name == "architecture" and not isinstance(value, str):
        return {"layers": [describe_part(layer) for layer in value]}
    if isinstance(value, nn.Optimizer):
        return {"optimizer": describe_part(value)}
    if isinstance(value, nn.Augment):
        return {"augment": dataclasses.asdict(value)}
    if isinstance(value, nn.Views):
        return {"views": dataclasses.asdict(value)}
    if isinstance(value, VarianceScaling):
        return {"initializer": dataclasses.asdict(value)}
    if isinstance(value, tuple):
        return {"tuple": [to_plain(v) for v in value]}
    return to_plain(value)


def read_parameters(description: dict) -> dict:
    """The parameters that `describe_parameters` described."""
    return {name: _read(value) for name, value in description.items()}


# How `_describe`'s dicts of one key are read.
READERS = {
    "pairs": lambda pairs: {from_plain(k): from_plain(v) for k, v in pairs},
    "labels": lambda labels: list(map(_read, labels)),
    "layers": lambda layers: list(map(_read_part, layers)),
    "optimizer": lambda part: _read_part(part),
    "augment": lambda fields: nn.Augment(**fields),
    "views": lambda fields: nn.Views(**fields),
    "initializer": lambda fields: VarianceScaling(**fields),
    "tuple": lambda values: tuple(map(from_plain, values)),
}


def _read(value):
    for kind in READERS.keys() & value if isinstance(value, dict) else ():
        return READERS[kind](value[kind])
    return from_plain(value)


def describe_part(part) -> dict:
    """The class and the arguments of a layer or an optimizer, as plain values.

    Raises
    ------
    ValueError
        If it is not of the library.
    """
    name = type(part).__name__
    if PARTS.get(name) is not type(part):
        kind = "a layer" if isinstance(part, nn.Layer) else "an optimizer"
        raise ValueError(f"{kind} of the class {name} {REFUSED}")
    arguments = {
        argument: _describe(argument, getattr(part, argument))
        for argument in inspect.signature(type(part)).parameters
    }
    return {"class": name, "arguments": arguments}


def _read_part(description):
    arguments = read_parameters(description["arguments"])
    return PARTS[description["class"]](**arguments)
