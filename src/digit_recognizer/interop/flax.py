"""Flax NNX modules, from and to an estimator.

What is no module there is a plain function, which tells nothing of itself: a function is known by
what it does with random numbers.
"""

from functools import partial
from itertools import chain

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from digit_recognizer import nn
from digit_recognizer.interop.estimators import estimator_of, network_of
from digit_recognizer.interop.plain import (
    EXP,
    LOGISTIC,
    SOFTMAX,
    InputScaling,
    OutputActivation,
    PlainLayer,
    batch_norm,
    check_settings,
    convolution,
    dense,
    kind_of,
    read_layers,
    same,
    same_padding,
    sample_shape,
    write_layers,
)


def read(cls, module, input_shape=None, classes=None):
    """An estimator of the class `cls` from a Sequential, or from one layer."""
    if not isinstance(module, nnx.Module):
        raise TypeError(
            f"{cls.__name__}.from_flax takes a flax.nnx.Module, got {type(module).__name__}."
        )
    steps = list(_steps(module, "module"))
    shape = sample_shape(input_shape, (_features(step) for _, step in steps))
    return estimator_of(cls, read_layers(steps, _read_step, shape), shape, classes)


def write(estimator, logits=False):
    """A Sequential in evaluation mode that returns what the estimator's network predicts."""
    network = network_of(estimator)
    steps = [*chain.from_iterable(write_layers(network.layers, WRITE, "Flax"))]
    if not logits and network.output in OUTPUTS:
        steps.append(OUTPUTS[network.output])
    module = nnx.Sequential(*steps)
    module.eval()
    return module


def _steps(module, path):
    """The layers and functions that a Sequential calls, with their places."""
    if kind_of(module, [nnx.Sequential], "__call__"):
        for index, step in enumerate(module.layers):
            yield from _steps(step, f"{path}.layers[{index}]")
    else:
        yield path, module


def _features(step):
    # Of Linear and BatchNorm; a convolution's are channels.
    features = getattr(step, "in_features", getattr(step, "num_features", None))
    return 0 if isinstance(step, nnx.Conv) else features


def _read_step(step, shape):
    kind = kind_of(step, READ, "__call__")
    if kind:
        return READ[kind](step, shape)
    if not isinstance(step, nnx.Module) or not jax.tree.leaves(nnx.state(step)):
        return _read_function(step, shape)
    known = ", ".join(one.__name__ for one in [nnx.Sequential, *READ])
    raise ValueError(f"{type(step).__name__} is none of {known}, and no function.")


def _array(variable):
    return None if variable is None else np.array(jnp.asarray(variable))


def _read_linear(module, shape):
    return [dense(_array(module.kernel), _array(module.bias))]


def _read_conv(module, shape):
    check_settings(module, feature_group_count=(1,), mask=(None,))
    for name in ("input_dilation", "kernel_dilation"):
        check_settings(module, **{name: (1, (1, 1), [1, 1], None)})
    weight, stride = _array(module.kernel), same("strides", module.strides or 1)
    if weight.ndim != 4:
        raise ValueError(f"its kernel_size {module.kernel_size} is not that of images.")
    padding = module.padding
    if isinstance(padding, str):
        check_settings(module, padding=("SAME", "VALID"))
        size = same("kernel_size", module.kernel_size)
        padding = same_padding(size, stride, shape) if padding == "SAME" else 0
    padding = same("padding", padding)
    return [convolution(weight, _array(module.bias), stride, padding, shape)]


def _read_norm(module, shape):
    check_settings(module, axis=(-1, len(shape)))
    arrays = (module.scale, module.bias, module.mean, module.var)
    momentum = round(1 - module.momentum, 12)
    return [batch_norm(momentum, module.epsilon, *map(_array, arrays))]


READ = {
    nnx.Linear: _read_linear,
    nnx.Conv: _read_conv,
    nnx.BatchNorm: _read_norm,
    nnx.Dropout: lambda module, shape: [PlainLayer(nn.Dropout(float(module.rate)))],
}


def _read_function(function, shape):
    """The layer that does with random numbers what a function does with them."""
    if isinstance(function, partial) and function.func is scale:
        return [PlainLayer(InputScaling(**function.keywords))]
    X = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    try:
        Y = np.asarray(function(jnp.asarray(X)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"it does not take samples of shape {shape}: {error}") from error
    if Y.shape == X.shape and np.allclose(X, Y):
        return []
    for layer, result in _candidates(function, X, Y):
        if result.shape == Y.shape and np.allclose(result, Y, atol=1e-5):
            return [PlainLayer(layer)]
    raise ValueError(
        "what it does is none of flattening, pooling, an activation of digit_recognizer.nn, "
        "softmax, the exponential, or a scaling."
    )


def _candidates(function, X, Y):
    """Layers that a function may be, with what each makes of X."""
    shape = X.shape[1:]
    if Y.shape == X.shape:
        low, zero, one = (function(jnp.full(X.shape, x)).item(0) for x in (-1.0, 0.0, 1.0))
        known = [nn.ReLU(), nn.Tanh(), nn.Logistic(), nn.SiLU()]
        known += [nn.LeakyReLU(_written(-low))] if 0 <= -low <= 1 else []
        for layer in known:
            yield layer, _predict(layer, X)
        P = nn.SoftmaxCrossEntropy().activate(X.copy())
        yield OutputActivation(SOFTMAX), P
        yield OutputActivation(SOFTMAX), np.log(P)
        yield OutputActivation(EXP), np.exp(X)
        if one != zero:
            yield _scaling(one - zero, zero), zero + (one - zero) * X
    if len(shape) < 3:
        return
    if Y.ndim == 2:
        yield nn.Flatten(), X.reshape(len(X), -1)
        yield nn.GlobalAveragePool2D(), X.mean(axis=(1, 2))
        return
    for size in range(2, min(shape[:2]) + 1):
        for stride in range(1, size + 1):
            if [(n - size) // stride + 1 for n in shape[:2]] == [*Y.shape[1:3]]:
                for layer in (nn.MaxPool2D(size, stride), nn.AveragePool2D(size, stride)):
                    yield layer, _predict(layer, X)


def _scaling(factor, offset):
    return InputScaling(_written(-offset / factor), _written(1 / factor))


def _written(number):
    """A measured number as it was written, such as 0.3 where float32 made 0.30000001."""
    short = float(f"{number:.4g}")
    return short if abs(short - number) <= 1e-6 * abs(number) else number


def _predict(layer, X):
    return nn.Network([layer], nn.SquaredError(), X.shape[1:]).predict(X)


def flatten(X):
    """Images as rows."""
    return X.reshape(len(X), -1)


def global_average(X):
    """The mean of each channel."""
    return X.mean(axis=(1, 2))


def scale(X, shift, scale):
    """(X − shift) / scale, with which an estimator's network begins that scales its input."""
    return (X - shift) / scale


def _filled(kind, *sizes, arrays, **settings):
    """A module whose variables are the arrays that are not None."""
    module = kind(*sizes, rngs=nnx.Rngs(0), **settings)
    for name, array in arrays.items():
        if array is not None:
            variable = type(getattr(module, name))
            setattr(module, name, variable(jnp.asarray(array, jnp.float32)))
    return [module]


def _write_dense(layer, weight, bias=None):
    arrays = {"kernel": weight, "bias": bias}
    return _filled(nnx.Linear, *weight.shape, arrays=arrays, use_bias=layer.bias)


def _write_conv(layer, weight, bias=None):
    arrays = {"kernel": weight, "bias": bias}
    settings = {"kernel_size": weight.shape[:2], "strides": (layer.stride,) * 2}
    settings |= {"padding": [(layer.padding,) * 2] * 2, "use_bias": layer.bias}
    return _filled(nnx.Conv, *weight.shape[2:], arrays=arrays, **settings)


def _write_norm(layer, gamma, beta, running_mean, running_variance):
    arrays = {"scale": gamma, "bias": beta, "mean": running_mean, "var": running_variance}
    settings = {"momentum": round(1 - layer.momentum, 12), "epsilon": layer.epsilon}
    return _filled(nnx.BatchNorm, len(gamma), arrays=arrays, **settings)


def _write_pool(function):
    def write(layer):
        strides = (layer.stride or layer.size,) * 2
        return [partial(function, window_shape=(layer.size,) * 2, strides=strides)]

    return write


WRITE = {
    InputScaling: lambda layer: [partial(scale, shift=layer.shift, scale=layer.scale)],
    nn.Dense: _write_dense,
    nn.Conv2D: _write_conv,
    nn.BatchNorm: _write_norm,
    nn.MaxPool2D: _write_pool(nnx.max_pool),
    nn.AveragePool2D: _write_pool(nnx.avg_pool),
    nn.GlobalAveragePool2D: lambda layer: [global_average],
    nn.Flatten: lambda layer: [flatten],
    nn.Dropout: lambda layer: [nnx.Dropout(layer.rate, rngs=nnx.Rngs(0))],
    nn.Identity: lambda layer: [],
    nn.ReLU: lambda layer: [nnx.relu],
    nn.LeakyReLU: lambda layer: [partial(nnx.leaky_relu, negative_slope=layer.slope)],
    nn.Tanh: lambda layer: [nnx.tanh],
    nn.Logistic: lambda layer: [nnx.sigmoid],
    nn.SiLU: lambda layer: [nnx.silu],
}
OUTPUTS = {SOFTMAX: nnx.softmax, LOGISTIC: nnx.sigmoid, EXP: jnp.exp}
