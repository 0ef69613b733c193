"""A network as plain layers with their arrays: what every framework is read to and written from.

Each framework is a table from its kinds of layers to ours, and one from ours to its own; the walk
over the layers, the order of flattened images and the making of an estimator are here.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from digit_recognizer.estimator.building.weights import adopt_weights
from digit_recognizer.nn import BatchNorm, Dense, Flatten, Layer, Logistic

EXP, IDENTITY, LOGISTIC, SOFTMAX = "exp", "identity", "logistic", "softmax"


class OutputActivation(Layer):
    """An activation that `nn` has only as that of a loss, such as softmax: nothing may follow it.

    Parameters
    ----------
    name : {"exp", "softmax"}
    """

    def __init__(self, name):
        self.name = name


@dataclass(frozen=True)
class PlainLayer:
    """A layer and its arrays by their names in `nn`, such as ``weight`` and ``bias``."""

    layer: Layer
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class PlainNetwork:
    """Layers, the activation of their output, and the shape of one sample, channels last."""

    layers: list[PlainLayer]
    output: str
    input_shape: tuple[int, ...]


def read_layers(
    steps: Iterable[tuple[str, object]],
    read: Callable[[object, tuple[int, ...]], list[PlainLayer]],
    input_shape: tuple[int, ...],
) -> list[PlainLayer]:
    """A framework's layers as plain ones, each built for the shape that the one before returns.

    Parameters
    ----------
    steps : iterable of (str, object)
        The place of each layer, for errors, and the layer.
    read : callable
        ``read(step, shape)`` returns the plain layers of a step that takes samples of `shape`, or
        raises ValueError with what of it cannot be expressed.
    input_shape : tuple of int

    Raises
    ------
    ValueError
        Naming the layer, its place and what cannot be expressed.
    """
    layers, shape = [], tuple(input_shape)
    for place, step in steps:
        try:
            for plain in read(step, shape):
                if layers and isinstance(layers[-1].layer, OutputActivation):
                    raise ValueError(f"nothing may follow {layers[-1].layer.name}.")
                plain.layer.output_shape = shape = tuple(plain.layer.build(shape))
                layers.append(plain)
        except ValueError as error:
            what = " ".join(str(step).split())
            raise ValueError(f"{place}, {what}, cannot be expressed: {error}") from None
    return layers


def sample_shape(input_shape, n_features: Iterable) -> tuple[int, ...]:
    """Shape of one sample, channels last.

    Parameters
    ----------
    input_shape : tuple of int or None
        (height, width, channels), (height, width) or (n_features,).
    n_features : iterable of int or None
        What each layer takes, where it takes rows: it says the shape where None is given.

    Raises
    ------
    ValueError
        If the layers take images, whose shape they do not say.
    """
    if input_shape is None:
        known = next((n for n in n_features if n), None)
        if known is None:
            raise ValueError("Give input_shape=(height, width, channels) of the images.")
        return (known,)
    shape = tuple(int(size) for size in np.atleast_1d(input_shape))
    return (*shape, 1) if len(shape) == 2 else shape


def look_up(table: Mapping, step, kinds: Iterable) -> Callable:
    """The entry of the first of `kinds` that the table has, or a ValueError."""
    for kind in kinds:
        if kind in table:
            return table[kind]
    known = sorted({getattr(kind, "__name__", str(kind)) for kind in table})
    raise ValueError(f"{type(step).__name__} is none of {', '.join(known)}.")


def same(name: str, value) -> int:
    """One number for a pair of the same, or a ValueError that says which it was."""
    values = tuple(value) if np.iterable(value) else (value,)
    if len(set(values)) != 1:
        raise ValueError(f"its {name} {values} differs between height and width.")
    return int(values[0])


def check_settings(step, **allowed) -> None:
    """Raise a ValueError that names the first attribute of `step` which is none of those allowed.

    Parameters
    ----------
    step : object
    **allowed : tuple
        By the name of an attribute the values it may have, if the step has it.
    """
    for name, values in allowed.items():
        value = getattr(step, name, values[0])
        if value not in values:
            raise ValueError(f"{name}={value!r} has no counterpart.")


def dense(weight, bias) -> PlainLayer:
    """A dense layer of a weight of shape (n_inputs, n_units) and a bias or None."""
    return _with_bias(Dense(weight.shape[1], bias=bias is not None), weight, bias)


def _with_bias(layer, weight, bias) -> PlainLayer:
    arrays = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return PlainLayer(layer, arrays)


def convolution(kind, weight, bias, stride, padding, shape) -> PlainLayer:
    """A `kind` of convolution whose weight is (height, width, in_channels, n_filters)."""
    kernel_size = same("kernel_size", weight.shape[:2])
    if len(shape) == 3 and shape[2] != weight.shape[2]:
        raise ValueError(
            f"it takes {weight.shape[2]} channels, but images of shape {shape} come; input_shape "
            "is (height, width, channels)."
        )
    layer = kind(weight.shape[3], kernel_size, stride, padding, bias=bias is not None)
    return _with_bias(layer, weight, bias)


def batch_norm(momentum, epsilon, gamma, beta, mean, variance) -> PlainLayer:
    """Batch normalization; gamma and beta are None where the framework's has none."""
    arrays = {
        "gamma": np.ones_like(mean) if gamma is None else gamma,
        "beta": np.zeros_like(mean) if beta is None else beta,
        "running_mean": mean,
        "running_variance": variance,
    }
    return PlainLayer(BatchNorm(float(momentum), float(epsilon)), arrays)


def reordered(layers: list[PlainLayer], to_first: bool) -> list[PlainLayer]:
    """The layers for flattened images of the other order of channels.

    Parameters
    ----------
    layers : list of PlainLayer
        Built.
    to_first : bool
        Whether from our (height, width, channels) to (channels, height, width), or back.
    """
    order, result = None, []
    for plain in layers:
        if isinstance(plain.layer, Flatten) and len(plain.layer.input_shape) == 3:
            height, width, channels = plain.layer.input_shape
            places = np.arange(height * width * channels)
            order = places.reshape(channels, height, width).transpose(1, 2, 0).ravel()
            order = np.argsort(order) if to_first else order
        elif order is not None and plain.arrays:
            by_feature = {"weight"} if isinstance(plain.layer, Dense) else set(plain.arrays)
            arrays = {n: a[order] if n in by_feature else a for n, a in plain.arrays.items()}
            plain, order = replace(plain, arrays=arrays), None if "weight" in arrays else order
        result.append(plain)
    return result


def network_of(estimator) -> PlainNetwork:
    """The layers of a fitted estimator.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If it predicts by `views`.
    """
    estimator._check_fitted()
    if estimator.views is not None:
        raise ValueError(
            "views: predictions are means over several views of an image, which other frameworks "
            "do not take; call set_params(views=None) first for the network alone."
        )
    adopt_weights(estimator)
    layers = [
        PlainLayer(layer, {name: array.copy() for name, array in layer.values.items()})
        for layer in estimator._network.layers
    ]
    return PlainNetwork(layers, estimator.out_activation_, estimator._network.input_shape)


def write_layers(layers: list[PlainLayer], table: Mapping, framework: str) -> list:
    """What `table` makes of each layer, by its class: ``table[kind](layer, **arrays)``.

    Raises
    ------
    ValueError
        Naming the layer that the table does not have, and its place.
    """
    written = []
    for number, plain in enumerate(layers, start=1):
        make = table.get(type(plain.layer))
        if make is None:
            raise ValueError(f"Layer {number}, {plain.layer!r}, has no counterpart in {framework}.")
        written.append(make(plain.layer, **plain.arrays))
    return written


def estimator_of(cls, layers, input_shape, classes=None):
    """A fitted estimator of plain layers.

    Parameters
    ----------
    cls : type
        `NumpyNetClassifier` or `NumpyNetRegressor`.
    layers : list of PlainLayer
        Built.
    input_shape : tuple of int
        Of one sample, channels last.
    classes : array-like of shape (n_classes,) or None
        The classes in the order of the outputs; None for 0, 1, …
    """
    is_classifier = hasattr(cls, "predict_proba")
    if classes is not None and not is_classifier:
        raise ValueError("A regressor has no classes; use NumpyNetClassifier for classes.")
    # At the start images are rows already.
    while layers and isinstance(layers[0].layer, Flatten):
        layers = layers[1:]
    layers, output = _split_output(layers, is_classifier)
    if not (layers and isinstance(layers[-1].layer, Dense)):
        layers = [*layers, _identity(layers[-1].layer.output_shape if layers else input_shape)]
    *hidden, last = [replace(plain, layer=copy.deepcopy(plain.layer)) for plain in layers]
    weight = last.arrays["weight"]
    bias = last.arrays.get("bias", np.zeros(weight.shape[1], weight.dtype))
    if is_classifier:
        output, classes, weight, bias = _in_order(output, classes, weight, bias)
    parameters = {"architecture": [plain.layer for plain in hidden]}
    if len(input_shape) == 3:
        parameters["input_shape"] = tuple(input_shape)
    if output == EXP:
        parameters["loss"] = "poisson"
    estimator = cls(**parameters)
    layers = _in_one_dtype([*hidden, PlainLayer(last.layer, {"weight": weight, "bias": bias})])
    weighted = [plain.arrays for plain in layers if "weight" in plain.arrays]
    estimator.coefs_ = [arrays["weight"] for arrays in weighted]
    estimator.intercepts_ = [
        arrays.get("bias", np.zeros(arrays["weight"].shape[-1], arrays["weight"].dtype))
        for arrays in weighted
    ]
    estimator.n_features_in_, estimator.out_activation_ = prod(input_shape), output
    if classes is not None:
        estimator.classes_ = classes
    estimator._check_fitted()
    for plain, layer in zip(layers, estimator._network.layers, strict=True):
        for name, array in plain.arrays.items():
            layer.values[name][...] = array
    return estimator


def _split_output(layers, is_classifier):
    """The layers before the activation of the output, and its name."""
    last = layers[-1].layer if layers else None
    if isinstance(last, OutputActivation):
        if is_classifier != (last.name == SOFTMAX):
            other = "NumpyNetRegressor" if is_classifier else "NumpyNetClassifier"
            raise ValueError(f"The outputs are those of {last.name}: read it with {other}.")
        return layers[:-1], last.name
    if is_classifier and isinstance(last, Logistic):
        return layers[:-1], LOGISTIC
    return layers, IDENTITY


def _identity(shape):
    """A dense layer that changes nothing, for networks that end with another layer."""
    if len(shape) != 1:
        raise ValueError(f"The network returns images of shape {shape}; flatten them at its end.")
    unit = np.eye(shape[0], dtype=np.float32)
    return dense(unit, np.zeros(shape[0], np.float32))


def _in_order(output, classes, weight, bias):
    """Output activation, sorted classes, and the last layer with one output for two classes."""
    n_outputs = len(bias)
    if output == IDENTITY:
        output = SOFTMAX if n_outputs > 1 else LOGISTIC
    is_multilabel = output == LOGISTIC and n_outputs > 1
    n_classes = max(n_outputs, 2)
    if is_multilabel and classes is not None:
        raise ValueError("Several outputs with a sigmoid each are labels of their own: no classes.")
    classes = np.arange(n_classes) if classes is None else np.asarray(classes)
    if classes.shape != (n_classes,) or len(set(classes.tolist())) < n_classes:
        raise ValueError(
            f"classes must be {n_classes} different ones, in the order of the outputs; got "
            f"{classes.tolist()}."
        )
    # One that is certain of class 0 and says nothing of class 1.
    if output == SOFTMAX and n_outputs == 1:
        raise ValueError("A softmax of one output is always 1; end with a sigmoid.")
    order = np.argsort(classes)
    if n_outputs == 1:
        sign = 1 if order[0] == 0 else -1
        return LOGISTIC, classes[order], sign * weight, sign * bias
    weight, bias = weight[:, order], bias[order]
    if n_outputs == 2 and output == SOFTMAX:
        # e^b / (e^a + e^b) = σ(b − a): for two classes our networks have one output.
        output, weight, bias = LOGISTIC, weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]
    return output, classes[order], weight, bias


def _in_one_dtype(layers):
    """The layers with arrays of float64 where any is, else of float32."""
    dtypes = [array.dtype for plain in layers for array in plain.arrays.values()]
    dtype = np.float64 if np.float64 in dtypes else np.float32
    return [
        replace(plain, arrays={n: a.astype(dtype) for n, a in plain.arrays.items()})
        for plain in layers
    ]
