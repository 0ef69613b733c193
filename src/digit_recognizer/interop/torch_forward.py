"""What the `forward` of a module of one's own does, as a chain of PyTorch's layers."""

import operator
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

# Layers that do what functions and methods of tensors do, by their names, with their arguments.
LAYERS = {
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "avg_pool2d": nn.AvgPool2d,
    "dropout": lambda p=0.5, training=True, inplace=False: nn.Dropout(p),
    "flatten": lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim),
    "leaky_relu": nn.LeakyReLU,
    "log_softmax": lambda dim=None, **settings: nn.LogSoftmax(dim),
    "max_pool2d": nn.MaxPool2d,
    "mean": lambda dim, keepdim=False: _mean(dim, keepdim),
    "relu": nn.ReLU,
    "reshape": lambda *shape: _rows(shape),
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softmax": lambda dim=None, **settings: nn.Softmax(dim),
    "tanh": nn.Tanh,
    "view": lambda *shape: _rows(shape),
}
OF_FUNCTIONS = {getattr(functional, name, None): name for name in LAYERS}
# What programs ask of a shape, to give it to `view`.
OF_SHAPES = {"size", getattr, operator.getitem}


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
    last = None
    for node in traced.graph.nodes:
        place = f"{path}.{node.name}"
        if node.op == "placeholder" and last is None:
            last = node
            continue
        if node.target in OF_SHAPES:
            continue
        if [k for k in node.all_input_nodes if k.target not in OF_SHAPES] != [last]:
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
        return LAYERS[name](*node.args[1:], **settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}, {name}, cannot be expressed: {error}") from error


def _rows(shape):
    """A Flatten for `view` and `reshape` to two dimensions."""
    shape = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    if len(shape) != 2:
        raise ValueError(f"only shapes (n, n_features) are expressed, not {tuple(shape)}.")
    return nn.Flatten()


def _mean(dim, keepdim):
    axes = {dim} if isinstance(dim, int) else {axis % 4 for axis in dim}
    if axes != {2, 3}:
        raise ValueError(f"only means over height and width are expressed, not over {dim}.")
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), *([] if keepdim else [nn.Flatten()]))
