"""What the `forward` of a module of one's own does, as a chain of PyTorch's layers."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

# Layers that do what functions and methods of tensors do, by their names, with their arguments.
LAYERS = {
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "avg_pool2d": nn.AvgPool2d,
    "dropout": lambda p=0.5, training=True, inplace=False: nn.Dropout(p),
    "dropout2d": lambda p=0.5, training=True, inplace=False: nn.Dropout2d(p),
    "flatten": lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim),
    "leaky_relu": nn.LeakyReLU,
    "log_softmax": lambda dim=None, **settings: nn.LogSoftmax(dim),
    "max_pool2d": nn.MaxPool2d,
    "mean": lambda dim, keepdim=False: _mean(dim, keepdim),
    "relu": nn.ReLU,
    "reshape": lambda *shape: _reshaped(shape),
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softmax": lambda dim=None, **settings: nn.Softmax(dim),
    "tanh": nn.Tanh,
    "view": lambda *shape: _reshaped(shape),
}
OF_FUNCTIONS = {getattr(functional, name, None): name for name in LAYERS}


def layers_called(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """The layers that a module calls one after the other, with their places.

    Raises
    ------
    ValueError
        If it does anything else.
    """
    try:
        traced = torch.fx.symbolic_trace(module)
    except Exception as error:
        raise ValueError(
            f"{path}: what the forward of {type(module).__name__} does depends on its input "
            f"({error}); give a torch.nn.Sequential."
        ) from error
    last, of_shapes = None, set()
    for node in traced.graph.nodes:
        place, inputs = f"{path}.{node.name}", set(node.all_input_nodes)
        if node.op == "placeholder" and last is None:
            last = node
            continue
        # What programs ask of a shape, and make of it, to give it to `view`.
        is_shape = node.target == "size" or (node.target is getattr and node.args[1] == "shape")
        if is_shape or (inputs and inputs <= of_shapes):
            of_shapes.add(node)
            continue
        if inputs - of_shapes != {last}:
            raise ValueError(f"{place} is no layer of what the one before it returns.")
        last = node
        if node.op == "call_module":
            yield f"{path}.{node.target}", traced.get_submodule(node.target)
        elif node.op != "output":
            yield place, _layer(node, place)


def _layer(node, place):
    name = OF_FUNCTIONS.get(node.target) or getattr(node.target, "__name__", node.target)
    settings = {key: value for key, value in node.kwargs.items() if key != "input"}
    if name not in LAYERS:
        raise ValueError(f"{place}: {name} is none of {', '.join(LAYERS)}.")
    try:
        if len(node.all_input_nodes) > 1 and name not in ("reshape", "view"):
            raise ValueError("its settings depend on the shape of what it takes; give numbers.")
        return LAYERS[name](*node.args[1:], **settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}, {name}, cannot be expressed: {error}") from error


def _reshaped(shape):
    """What makes rows of images, or images of rows, for `view` and `reshape`."""
    shape = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    if len(shape) == 4 and all(isinstance(size, int) for size in shape[1:]):
        return nn.Unflatten(1, tuple(shape[1:]))
    if len(shape) != 2:
        raise ValueError(
            "only shapes (n, n_features), and (n, channels, height, width) in numbers, are "
            f"expressed, not {tuple(shape)}."
        )
    return nn.Flatten()


def _mean(dim, keepdim):
    axes = {dim} if isinstance(dim, int) else {axis % 4 for axis in dim}
    if axes != {2, 3}:
        raise ValueError(f"only means over height and width are expressed, not over {dim}.")
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), *([] if keepdim else [nn.Flatten()]))
