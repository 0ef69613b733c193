"""A network as plain layers with their arrays: what every framework is read to and written from.

Each framework is a table from its kinds of layers to ours, and one from ours to its own; the walk
over the layers and the order of flattened images are here.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from textwrap import shorten

import numpy as np

from digit_recognizer.nn import BatchNorm, Conv2D, Dense, Flatten, Layer

EXP, IDENTITY, LOGISTIC, SOFTMAX = "exp", "identity", "logistic", "softmax"


class OutputActivation(Layer):
    """An activation that `nn` has only as that of a loss, such as softmax: nothing may follow it.

    Parameters
    ----------
    name : {"exp", "softmax"}
    """

    def __init__(self, name):
        self.name = name


class InputScaling(Layer):
    """``Y = (X − shift) / scale``, which estimators have before their first layer.

    Parameters
    ----------
    shift, scale : float
    """

    def __init__(self, shift, scale):
        self.shift = float(shift)
        self.scale = float(scale)


class ZeroPadding(Layer):
    """Zeros around images, as a layer of its own: part of the convolution that follows.

    Parameters
    ----------
    padding : int
        Rows and columns of zeros on each side.
    """

    def __init__(self, padding):
        self.padding = padding

    def build(self, input_shape):
        height, width, channels = super().build(input_shape)
        return (height + 2 * self.padding, width + 2 * self.padding, channels)


@dataclass(frozen=True)
class PlainLayer:
    """A layer and its arrays by their names in `nn`, such as ``weight`` and ``bias``."""

    layer: Layer
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


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
                shape = _append(layers, plain, shape)
        except ValueError as error:
            what = shorten(str(step), 120, placeholder=" …")
            raise ValueError(f"{place}, {what}, cannot be expressed: {error}") from None
    return layers


def _append(layers, plain, shape):
    """Build a layer and add it to the others; returns the shape of what it returns."""
    before, layer = (layers[-1].layer if layers else None), plain.layer
    if isinstance(before, OutputActivation):
        raise ValueError(f"nothing may follow {before.name}.")
    if isinstance(before, ZeroPadding):
        if not isinstance(layer, Conv2D):
            raise ValueError("zeros around images are part of a convolution, and none follows.")
        layer.padding += before.padding
        shape = layers.pop().layer.input_shape
    if isinstance(layer, InputScaling) and any(not isinstance(k.layer, Flatten) for k in layers):
        raise ValueError("the input is scaled before all other layers, and once.")
    layer.output_shape = tuple(layer.build(shape))
    for spec in layer.parameter_specs():
        if plain.arrays[spec.name].shape != spec.shape:
            raise ValueError(
                f"its {spec.name} of shape {plain.arrays[spec.name].shape} does not fit samples of "
                f"shape {tuple(shape)}, for which it would be {spec.shape}."
            )
    layers.append(plain)
    return layer.output_shape


def sample_shape(input_shape, n_features: Iterable) -> tuple[int, ...]:
    """Shape of one sample, channels last.

    Parameters
    ----------
    input_shape : tuple of int or None
        (height, width, channels), (height, width) or (n_features,).
    n_features : iterable of int or None
        Of the rows that each layer takes, 0 if it takes images and None if it takes either: the
        first number says the shape where None is given.

    Raises
    ------
    ValueError
        If the layers take images, whose shape they do not say, or if it is no shape.

    Warns
    -----
    UserWarning
        If it looks like the order that PyTorch has.
    """
    if input_shape is None:
        known = next((n for n in n_features if n is not None), 0)
        if known == 0:
            raise ValueError("Give input_shape=(height, width, channels) of the images.")
        return (known,)
    shape = tuple(np.atleast_1d(input_shape).tolist())
    if len(shape) > 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            "input_shape is (height, width, channels), (height, width) or (n_features,), got "
            f"{input_shape!r}."
        )
    if len(shape) == 3 and shape[0] in (1, 3) and shape[0] < shape[1] == shape[2]:
        # A dense network takes these, too, and its features would be mixed up.
        warnings.warn(
            f"input_shape={shape} is read as images of height {shape[0]} and width {shape[1]} with "
            f"{shape[2]} channels; (height, width, channels) would be {(*shape[1:], shape[0])}.",
            stacklevel=4,
        )
    return (*shape, 1) if len(shape) == 2 else shape


def kind_of(step, kinds: Iterable[type], method: str) -> type | None:
    """Which of `kinds` an object is: its class, or one that it inherits `method` from."""
    kinds, cls = list(kinds), type(step)
    if cls in kinds:
        return cls
    of_step = getattr(cls, method, None)
    return next((k for k in kinds if isinstance(step, k) and getattr(k, method) is of_step), None)


def look_up(table: Mapping, key, step):
    """The entry of a table, or a ValueError that says what the table has."""
    if key in table:
        return table[key]
    known = ", ".join(sorted(kind.__name__ for kind in table))
    name = getattr(step, "__name__", type(step).__name__)
    raise ValueError(f"{name} is none of {known}.")


def same(name: str, value) -> int:
    """One number for a pair of the same, or a ValueError that says which it was."""
    values = tuple(np.ravel(value).tolist())
    if len(set(values)) != 1:
        raise ValueError(f"its {name} {values} differs between height and width.")
    return int(values[0])


def same_padding(size: int, stride: int, shape: tuple[int, ...]) -> int:
    """Zeros on each side for the padding "same" of Keras and Flax: ⌈length / stride⌉ outputs.

    Raises
    ------
    ValueError
        If a side has one more than the other, which comes at the end of an axis.
    """
    zeros = {max((-(-n // stride) - 1) * stride + size - n, 0) for n in shape[:2]}
    if len(zeros) > 1 or max(zeros) % 2:
        raise ValueError(
            f"padding 'same' with a window of {size} and a stride of {stride} on images of shape "
            f"{shape} differs between the sides."
        )
    return max(zeros) // 2


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


def convolution(weight, bias, stride, padding, shape) -> PlainLayer:
    """A convolution whose weight is (height, width, in_channels, n_filters)."""
    kernel_size = same("kernel_size", weight.shape[:2])
    if len(shape) == 3 and shape[2] != weight.shape[2]:
        raise ValueError(
            f"it takes {weight.shape[2]} channels, but images of shape {shape} come; input_shape "
            "is (height, width, channels)."
        )
    layer = Conv2D(weight.shape[3], kernel_size, stride, padding, bias=bias is not None)
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
