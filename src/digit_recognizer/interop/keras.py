"""Keras 3 models, from and to an estimator, whatever Keras's backend."""

from itertools import chain

import keras
import numpy as np
from keras import layers

from digit_recognizer import nn
from digit_recognizer.interop.estimators import estimator_of, network_of
from digit_recognizer.interop.plain import (
    EXP,
    LOGISTIC,
    SOFTMAX,
    InputScaling,
    OutputActivation,
    PlainLayer,
    ZeroPadding,
    batch_norm,
    check_settings,
    convolution,
    dense,
    kind_of,
    look_up,
    read_layers,
    same,
    same_padding,
    sample_shape,
    write_layers,
)


def read(cls, model, input_shape=None, classes=None):
    """An estimator of the class `cls` from a model of layers one after the other."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"{cls.__name__}.from_keras takes a keras.Model, got {type(model).__name__}."
        )
    steps = list(_steps(model, "model"))
    known = input_shape or _known_shape(model)
    if steps and isinstance(steps[0][1], layers.Reshape) and len(steps[0][1].target_shape) == 3:
        known = steps.pop(0)[1].target_shape
    shape = sample_shape(known, (_features(layer) for _, layer in steps))
    return estimator_of(cls, read_layers(steps, _read_step, shape), shape, classes)


def write(estimator, logits=False):
    """A Sequential model that returns what the estimator's network predicts."""
    network = network_of(estimator)
    pairs = [*chain.from_iterable(write_layers(network.layers, WRITE, "Keras"))]
    if not logits and network.output in OUTPUTS:
        pairs.append((layers.Activation, OUTPUTS[network.output], []))
    dtype = estimator._network.dtype.name
    model = keras.Sequential([keras.Input(network.input_shape, dtype=dtype)])
    for kind, settings, arrays in pairs:
        layer = kind(**settings, dtype=dtype)
        model.add(layer)
        layer.set_weights(arrays)
    return model


def _steps(model, path):
    """The layers that a model calls one after the other, with their places."""
    for layer in _chain(model, path):
        place = f"{path}.{layer.name}"
        if isinstance(layer, keras.Model):
            yield from _steps(layer, place)
        else:
            yield place, layer


def _chain(model, path):
    """The layers of a Sequential or functional model, in order."""
    if isinstance(model, keras.Sequential):
        return model.layers
    if len(getattr(model, "inputs", None) or []) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{path} is no chain of layers from one input to one output: give a Sequential or a "
            "functional model that is one."
        )
    found, tensor = [], model.outputs[0]
    while not found or not isinstance(found[0], layers.InputLayer):
        operation, index, _ = tensor._keras_history
        tensors = operation._inbound_nodes[index].input_tensors
        if len(tensors) > 1 or not isinstance(operation, keras.Layer):
            raise ValueError(f"{path}.{operation.name} is no layer of one input.")
        found.insert(0, operation)
        tensor = tensors[0] if tensors else None
    return found[1:]


def _known_shape(model):
    """The shape of one sample that the model was made for, or None."""
    try:
        shape = model.input_shape[1:]
    except (AttributeError, ValueError):
        return None
    return None if None in shape else shape


def _features(layer):
    if isinstance(layer, layers.Conv2D):
        return 0
    return layer.kernel.shape[0] if isinstance(layer, layers.Dense) and layer.built else None


def _read_step(layer, shape):
    return look_up(READ, kind_of(layer, READ, "call"), layer)(layer, shape)


def _array(variable):
    return None if variable is None else np.asarray(keras.ops.convert_to_numpy(variable))


def _with_activation(plain, layer):
    return [plain, *_read_function(layer.activation)]


def _read_function(function):
    if isinstance(function, keras.Layer):
        return _read_step(function, ())
    return [PlainLayer(make()) for make in look_up(FUNCTIONS, function, function)]


def _arrays(layer, *names):
    if not layer.built:
        raise ValueError("it has no weights yet: call the model once, or give it an Input.")
    return [_array(getattr(layer, name)) for name in names]


def _read_dense(layer, shape):
    return _with_activation(dense(*_arrays(layer, "kernel", "bias")), layer)


def _read_conv(layer, shape):
    check_settings(layer, data_format=("channels_last",), groups=(1,), dilation_rate=((1, 1),))
    stride = same("strides", layer.strides)
    padding = _padding(layer, shape, layer.kernel_size, stride)
    plain = convolution(*_arrays(layer, "kernel", "bias"), stride, padding, shape)
    return _with_activation(plain, layer)


def _padding(layer, shape, size, stride):
    check_settings(layer, padding=("valid", "same"))
    return 0 if layer.padding == "valid" else same_padding(same("window", size), stride, shape)


def _read_zeros(layer, shape):
    check_settings(layer, data_format=("channels_last",))
    return [PlainLayer(ZeroPadding(same("padding", layer.padding)))]


def _read_pool(kind):
    def read_pool(layer, shape):
        check_settings(layer, data_format=("channels_last",))
        size, stride = same("pool_size", layer.pool_size), same("strides", layer.strides)
        if _padding(layer, shape, size, stride):
            raise ValueError(f"padding='same' pads images of shape {shape}.")
        return [PlainLayer(kind(size, stride))]

    return read_pool


def _read_global_average(layer, shape):
    check_settings(layer, data_format=("channels_last",), keepdims=(False,))
    return [PlainLayer(nn.GlobalAveragePool2D())]


def _read_norm(layer, shape):
    axis = same("axis", layer.axis)
    if axis not in (-1, len(shape)):
        raise ValueError(f"axis={axis} is not that of the channels or features.")
    arrays = _arrays(layer, "gamma", "beta", "moving_mean", "moving_variance")
    return [batch_norm(round(1 - layer.momentum, 12), layer.epsilon, *arrays)]


def _read_flatten(layer, shape):
    check_settings(layer, data_format=("channels_last",))
    return [PlainLayer(nn.Flatten())] if len(shape) > 1 else []


def _read_reshape(layer, shape):
    if len(layer.target_shape) != 1:
        raise ValueError("only rows may be reshaped, at the start, or images to rows.")
    return [PlainLayer(nn.Flatten())] if len(shape) > 1 else []


def _read_relu(layer, shape):
    check_settings(layer, max_value=(None,), threshold=(0,))
    slope = float(layer.negative_slope)
    return [PlainLayer(nn.LeakyReLU(slope) if slope else nn.ReLU())]


def _read_softmax(layer, shape):
    check_settings(layer, axis=(-1, len(shape)))
    return [PlainLayer(OutputActivation(SOFTMAX))]


def _read_scaling(layer, shape):
    if np.ndim(layer.scale) or np.ndim(layer.offset):
        raise ValueError("its scale and offset differ between channels.")
    return [PlainLayer(InputScaling(-layer.offset / layer.scale, 1 / layer.scale))]


def _read_dropout(layer, shape):
    check_settings(layer, noise_shape=(None,))
    return [PlainLayer(nn.Dropout(layer.rate))]


READ = {
    layers.Identity: lambda layer, shape: [],
    layers.Rescaling: _read_scaling,
    layers.Reshape: _read_reshape,
    layers.Flatten: _read_flatten,
    layers.Dense: _read_dense,
    layers.Conv2D: _read_conv,
    layers.ZeroPadding2D: _read_zeros,
    layers.MaxPooling2D: _read_pool(nn.MaxPool2D),
    layers.AveragePooling2D: _read_pool(nn.AveragePool2D),
    layers.GlobalAveragePooling2D: _read_global_average,
    layers.BatchNormalization: _read_norm,
    layers.Dropout: _read_dropout,
    layers.SpatialDropout2D: lambda layer, shape: [PlainLayer(nn.Dropout(layer.rate))],
    layers.Activation: lambda layer, shape: _read_function(layer.activation),
    layers.ReLU: _read_relu,
    layers.LeakyReLU: lambda layer, shape: [PlainLayer(nn.LeakyReLU(float(layer.negative_slope)))],
    layers.Softmax: _read_softmax,
}
FUNCTIONS = {
    keras.activations.linear: [],
    keras.activations.relu: [nn.ReLU],
    keras.activations.leaky_relu: [lambda: nn.LeakyReLU(0.2)],
    keras.activations.tanh: [nn.Tanh],
    keras.activations.sigmoid: [nn.Logistic],
    keras.activations.silu: [nn.SiLU],
    keras.activations.softmax: [lambda: OutputActivation(SOFTMAX)],
    keras.activations.log_softmax: [lambda: OutputActivation(SOFTMAX)],
    keras.activations.exponential: [lambda: OutputActivation(EXP)],
}


def _layer(kind, arrays=(), **settings):
    return [(kind, settings, [array for array in arrays if array is not None])]


def _activation(name):
    return lambda layer: _layer(layers.Activation, activation=name)


def _write_scaling(layer):
    return _layer(layers.Rescaling, scale=1 / layer.scale, offset=-layer.shift / layer.scale)


def _write_dense(layer, weight, bias=None):
    return _layer(layers.Dense, [weight, bias], units=layer.n_units, use_bias=layer.bias)


def _write_conv(layer, weight, bias=None):
    settings = {"filters": layer.n_filters, "kernel_size": layer.kernel_size}
    settings |= {"strides": layer.stride, "use_bias": layer.bias}
    if layer.padding and layer.input_shape[:2] == layer.output_shape[:2]:
        return _layer(layers.Conv2D, [weight, bias], padding="same", **settings)
    zeros = _layer(layers.ZeroPadding2D, padding=layer.padding) if layer.padding else []
    return [*zeros, *_layer(layers.Conv2D, [weight, bias], **settings)]


def _write_norm(layer, **arrays):
    settings = {"momentum": round(1 - layer.momentum, 12), "epsilon": layer.epsilon}
    return _layer(layers.BatchNormalization, arrays.values(), **settings)


def _write_pool(kind):
    return lambda layer: _layer(kind, pool_size=layer.size, strides=layer.stride)


WRITE = {
    InputScaling: _write_scaling,
    nn.Dense: _write_dense,
    nn.Conv2D: _write_conv,
    nn.BatchNorm: _write_norm,
    nn.MaxPool2D: _write_pool(layers.MaxPooling2D),
    nn.AveragePool2D: _write_pool(layers.AveragePooling2D),
    nn.GlobalAveragePool2D: lambda layer: _layer(layers.GlobalAveragePooling2D),
    nn.Flatten: lambda layer: _layer(layers.Flatten),
    nn.Dropout: lambda layer: _layer(layers.Dropout, rate=layer.rate),
    nn.Identity: lambda layer: _layer(layers.Identity),
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: lambda layer: _layer(layers.LeakyReLU, negative_slope=layer.slope),
    nn.Tanh: _activation("tanh"),
    nn.Logistic: _activation("sigmoid"),
    nn.SiLU: _activation("silu"),
}
OUTPUTS = {
    SOFTMAX: {"activation": "softmax"},
    LOGISTIC: {"activation": "sigmoid"},
    EXP: {"activation": "exponential"},
}
