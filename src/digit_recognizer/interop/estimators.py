"""From plain layers to a fitted estimator, and back."""

import copy
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from digit_recognizer.estimator.building.weights import adopt_weights
from digit_recognizer.interop.plain import (
    EXP,
    IDENTITY,
    LOGISTIC,
    SOFTMAX,
    InputScaling,
    OutputActivation,
    PlainLayer,
    dense,
)
from digit_recognizer.nn import Dense, Flatten, Logistic


@dataclass(frozen=True)
class PlainNetwork:
    """Layers, the activation of their output, and the shape of one sample, channels last."""

    layers: list[PlainLayer]
    output: str
    input_shape: tuple[int, ...]


def network_of(estimator, by_views: bool = False) -> PlainNetwork:
    """The layers of a fitted estimator.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
    by_views : bool, default=False
        Whether predictions by `views` can be expressed.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If it predicts by `views` where these cannot be expressed.
    """
    estimator._check_fitted()
    if estimator.views is not None and not by_views:
        raise ValueError(
            "views: predictions are means over several views of an image, which of other formats "
            "only ONNX takes; call set_params(views=None) first for the network alone."
        )
    adopt_weights(estimator)
    network = estimator._network
    layers = [
        PlainLayer(layer, {name: array.copy() for name, array in layer.values.items()})
        for layer in network.layers
    ]
    if network.scaling is not None:
        scaling = InputScaling(estimator.input_shift_, estimator.input_scale_)
        layers.insert(0, PlainLayer(scaling))
    return PlainNetwork(layers, estimator.out_activation_, network.input_shape)


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
    scaling = next((one.layer for one in layers if isinstance(one.layer, InputScaling)), None)
    # At the start images are rows already.
    while layers and isinstance(layers[0].layer, Flatten | InputScaling):
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
    if scaling is not None:
        parameters["scaling"] = "standard" if scaling.shift else "unit"
    estimator = cls(**parameters)
    if scaling is not None:
        estimator.input_shift_, estimator.input_scale_ = scaling.shift, scaling.scale
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
