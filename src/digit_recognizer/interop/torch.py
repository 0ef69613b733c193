"""PyTorch's modules, from and to an estimator. Images are (channels, height, width) there."""

from itertools import chain
from math import prod

import numpy as np
import torch

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
    reordered,
    same,
    sample_shape,
    write_layers,
)
from digit_recognizer.interop.torch_forward import layers_called


class Exp(torch.nn.Module):
    """The exponential function, which the Poisson deviance has at its output."""

    def forward(self, X):
        return torch.exp(X)


class Scale(torch.nn.Module):
    """(X − shift) / scale, with which an estimator's network begins that scales its input."""

    def __init__(self, shift, scale):
        super().__init__()
        self.register_buffer("shift", torch.tensor(shift))
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, X):
        return (X - self.shift) / self.scale


def read(cls, module, input_shape=None, classes=None):
    """An estimator of the class `cls` from a module of layers one after the other."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"{cls.__name__}.from_torch takes a torch.nn.Module, got {type(module).__name__}; "
            "weights alone are loaded into their module first: module.load_state_dict(weights)."
        )
    steps = list(_steps(module))
    for place, step in steps:
        if any(map(torch.nn.parameter.is_lazy, step.parameters())):
            raise ValueError(
                f"{place}, {step}, has no weights yet: call the module on a batch first."
            )
    if steps and isinstance(steps[0][1], torch.nn.Unflatten):
        channels, *size = steps[0][1].unflattened_size
        images = (*size, channels)
        # Rows of several channels have another order there than here.
        of_rows = (None, (prod(images),)) if channels == 1 else ()
        if (input_shape and sample_shape(input_shape, ())) in (images, *of_rows):
            input_shape = images
            del steps[0]
    shape = sample_shape(input_shape, (_features(step) for _, step in steps))
    layers = read_layers(steps, _read_step, shape)
    return estimator_of(cls, reordered(layers, to_first=False), shape, classes)


def write(estimator, logits=False):
    """A Sequential in evaluation mode that returns what the estimator's network predicts."""
    network = network_of(estimator)
    layers = reordered(network.layers, to_first=True)
    modules = [*chain.from_iterable(write_layers(layers, WRITE, "PyTorch"))]
    modules += [] if logits else OUTPUTS.get(network.output, list)()
    return torch.nn.Sequential(*modules).eval()


def _steps(module, path="module"):
    """The modules that `module` calls one after the other, with their places."""
    # torch.compile wraps a module.
    module = getattr(module, "_orig_mod", module)
    if kind_of(module, (torch.nn.Sequential,), "forward"):
        called = ((f"{path}.{name}", child) for name, child in module.named_children())
    elif kind_of(module, READ, "forward") or type(module).__module__.startswith("torch."):
        yield path, module
        return
    else:
        called = layers_called(module, path)
    for place, step in called:
        yield from _steps(step, place)


def _features(module):
    if isinstance(module, torch.nn.Conv2d | torch.nn.BatchNorm2d):
        return 0
    # Of Linear and BatchNorm1d.
    return getattr(module, "in_features", getattr(module, "num_features", None))


def _read_step(module, shape):
    return look_up(READ, kind_of(module, READ, "forward"), module)(module, shape)


def _array(tensor):
    if tensor is None:
        return None
    tensor = tensor.detach().cpu()
    return (tensor if tensor.dtype == torch.float64 else tensor.float()).numpy().copy()


def _read_linear(module, shape):
    return [dense(_array(module.weight).T, _array(module.bias))]


def _read_conv(module, shape):
    check_settings(module, groups=(1,), dilation=((1, 1),), padding_mode=("zeros",))
    padding = module.padding
    if padding == "same":
        if (same("kernel_size", module.kernel_size) - 1) % 2:
            raise ValueError("padding='same' of an even window differs between its sides.")
        padding = (module.kernel_size[0] - 1) // 2
    padding = 0 if padding == "valid" else same("padding", padding)
    weight = _array(module.weight).transpose(2, 3, 1, 0)
    stride = same("stride", module.stride)
    return [convolution(weight, _array(module.bias), stride, padding, shape)]


def _read_padding(module, shape):
    return [PlainLayer(ZeroPadding(same("padding", module.padding)))]


def _read_pool(kind):
    def read_pool(module, shape):
        size, stride = same("kernel_size", module.kernel_size), same("stride", module.stride)
        is_cut = any((length - size) % stride for length in shape[:2])
        check_settings(
            module,
            padding=(0, (0, 0)),
            dilation=(1, (1, 1)),
            ceil_mode=(False,) if is_cut else (False, True),
            divisor_override=(None,),
            return_indices=(False,),
        )
        return [PlainLayer(kind(size, stride))]

    return read_pool


def _read_adaptive(module, shape):
    n = same("output_size", module.output_size)
    if n == 1:
        return [PlainLayer(nn.GlobalAveragePool2D())]
    if any(length % n for length in shape[:2]):
        raise ValueError(f"its windows on images of shape {shape} differ in size.")
    return [PlainLayer(nn.AveragePool2D(same("window", [length // n for length in shape[:2]])))]


def _read_norm(module, shape):
    check_settings(module, track_running_stats=(True,))
    if module.momentum is None:
        raise ValueError("momentum=None has no counterpart; give a number.")
    arrays = (module.weight, module.bias, module.running_mean, module.running_var)
    return [batch_norm(module.momentum, module.eps, *map(_array, arrays))]


def _read_flatten(module, shape):
    check_settings(module, start_dim=(1,), end_dim=(-1, len(shape)))
    return [PlainLayer(nn.Flatten())] if len(shape) > 1 else []


def _read_unflatten(module, shape):
    raise ValueError("rows become images only at the start, of the shape that input_shape says.")


def _read_softmax(module, shape):
    check_settings(module, dim=(1, -1, None))
    return [PlainLayer(OutputActivation(SOFTMAX))]


def _plain(make):
    return lambda module, shape: [PlainLayer(make(module))]


READ = {
    torch.nn.Linear: _read_linear,
    torch.nn.Conv2d: _read_conv,
    torch.nn.ZeroPad2d: _read_padding,
    torch.nn.MaxPool2d: _read_pool(nn.MaxPool2D),
    torch.nn.AvgPool2d: _read_pool(nn.AveragePool2D),
    torch.nn.AdaptiveAvgPool2d: _read_adaptive,
    torch.nn.BatchNorm1d: _read_norm,
    torch.nn.BatchNorm2d: _read_norm,
    torch.nn.Flatten: _read_flatten,
    torch.nn.Unflatten: _read_unflatten,
    torch.nn.Dropout: _plain(lambda module: nn.Dropout(module.p)),
    torch.nn.Dropout2d: _plain(lambda module: nn.Dropout(module.p)),
    torch.nn.Identity: _plain(lambda module: nn.Identity()),
    torch.nn.ReLU: _plain(lambda module: nn.ReLU()),
    torch.nn.LeakyReLU: _plain(lambda module: nn.LeakyReLU(module.negative_slope)),
    torch.nn.Tanh: _plain(lambda module: nn.Tanh()),
    torch.nn.Sigmoid: _plain(lambda module: nn.Logistic()),
    torch.nn.SiLU: _plain(lambda module: nn.SiLU()),
    torch.nn.Softmax: _read_softmax,
    torch.nn.LogSoftmax: _read_softmax,
    Scale: _plain(lambda module: InputScaling(module.shift, module.scale)),
    Exp: _plain(lambda module: OutputActivation(EXP)),
}


def _filled(kind, *sizes, arrays, **settings):
    """A module whose tensors are the arrays that are not None."""
    arrays = {name: np.ascontiguousarray(a) for name, a in arrays.items() if a is not None}
    dtype = torch.from_numpy(next(iter(arrays.values()))).dtype
    module = kind(*sizes, dtype=dtype, **settings)
    module.load_state_dict({n: torch.from_numpy(a) for n, a in arrays.items()}, strict=False)
    return [module]


def _write_dense(layer, weight, bias=None):
    arrays = {"weight": weight.T, "bias": bias}
    return _filled(torch.nn.Linear, *weight.shape, arrays=arrays, bias=layer.bias)


def _write_conv(layer, weight, bias=None):
    size, sizes = layer.kernel_size, weight.shape[2:]
    arrays = {"weight": weight.transpose(3, 2, 0, 1), "bias": bias}
    settings = {"stride": layer.stride, "padding": layer.padding, "bias": layer.bias}
    return _filled(torch.nn.Conv2d, *sizes, size, arrays=arrays, **settings)


def _write_norm(layer, gamma, beta, running_mean, running_variance):
    kind = torch.nn.BatchNorm2d if len(layer.input_shape) == 3 else torch.nn.BatchNorm1d
    arrays = {"weight": gamma, "bias": beta}
    arrays |= {"running_mean": running_mean, "running_var": running_variance}
    return _filled(kind, len(gamma), arrays=arrays, eps=layer.epsilon, momentum=layer.momentum)


WRITE = {
    InputScaling: lambda layer: [Scale(layer.shift, layer.scale)],
    nn.Dense: _write_dense,
    nn.Conv2D: _write_conv,
    nn.BatchNorm: _write_norm,
    nn.MaxPool2D: lambda layer: [torch.nn.MaxPool2d(layer.size, layer.stride)],
    nn.AveragePool2D: lambda layer: [torch.nn.AvgPool2d(layer.size, layer.stride)],
    nn.GlobalAveragePool2D: lambda layer: [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()],
    nn.Flatten: lambda layer: [torch.nn.Flatten()],
    nn.Dropout: lambda layer: [torch.nn.Dropout(layer.rate)],
    nn.Identity: lambda layer: [torch.nn.Identity()],
    nn.ReLU: lambda layer: [torch.nn.ReLU()],
    nn.LeakyReLU: lambda layer: [torch.nn.LeakyReLU(layer.slope)],
    nn.Tanh: lambda layer: [torch.nn.Tanh()],
    nn.Logistic: lambda layer: [torch.nn.Sigmoid()],
    nn.SiLU: lambda layer: [torch.nn.SiLU()],
}
OUTPUTS = {
    SOFTMAX: lambda: [torch.nn.Softmax(dim=1)],
    LOGISTIC: lambda: [torch.nn.Sigmoid()],
    EXP: lambda: [Exp()],
}
