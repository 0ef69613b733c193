"""An estimator as an ONNX graph: rows in, labels and probabilities, or targets, out.

The nodes are added through a `Graph`, so that the same table of layers serves a file of its own and
a part of skl2onnx's graph. Everything is computed in float32, which every runtime knows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

import digit_recognizer
from digit_recognizer import nn
from digit_recognizer.estimator.building.construction import views_of
from digit_recognizer.files import explaining_path, replacing_file
from digit_recognizer.interop.estimators import network_of
from digit_recognizer.interop.onnx_views import add_mean_over_views, add_views
from digit_recognizer.interop.plain import (
    EXP,
    LOGISTIC,
    SOFTMAX,
    InputScaling,
    reordered,
    write_layers,
)

# Of 2021: what runtimes of many years read.
OPSET, IR_VERSION = 13, 7


@dataclass(frozen=True)
class Graph:
    """Where nodes are added.

    Parameters
    ----------
    node : callable
        ``node(kind, inputs, output, **attributes)`` adds one; `output` None makes up a name, which
        it returns.
    constant : callable
        ``constant(array)`` returns the name of an array.
    views : dict, default={}
        The names of views that were added, for networks that see the same.
    """

    node: Callable[..., str]
    constant: Callable[[np.ndarray], str]
    views: dict = field(default_factory=dict)


def write(estimator, path) -> None:
    """Write a file that ONNX runtimes read."""
    check_is_fitted(estimator)
    nodes, constants = [], []

    def node(kind, inputs, output=None, **attributes):
        output = output or f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(array):
        constants.append(numpy_helper.from_array(array, f"constant_{len(constants)}"))
        return constants[-1].name

    names = [name for name, _, _ in outputs_of(estimator)]
    add_estimator(Graph(node, constant), estimator, "X", names)
    outputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), [None, *shape])
        for name, dtype, shape in outputs_of(estimator)
    ]
    rows = [None, estimator.n_features_in_]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, rows)]
    name = type(estimator).__name__
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="digit-recognizer",
        producer_version=digit_recognizer.__version__,
    )
    onnx.checker.check_model(model)
    path = Path(path).expanduser()
    with explaining_path(path), replacing_file(path) as file:
        file.write(model.SerializeToString())


def label_values(classes) -> np.ndarray:
    """Classes as ONNX has labels: strings, or integers for whatever equals them.

    Raises
    ------
    ValueError
        If they are neither.
    """
    classes = np.asarray(classes)
    if classes.dtype.kind in "biuf" and (classes == classes.astype(np.int64)).all():
        return classes.astype(np.int64)
    if all(isinstance(value, str) for value in classes.tolist()):
        return classes.astype(object)
    raise ValueError(
        f"Labels in ONNX are integers or strings, the classes are {classes.tolist()}; fit with "
        "such classes."
    )


def outputs_of(estimator, classes=None) -> list[tuple[str, np.dtype, list[int]]]:
    """Name, dtype and shape for one row of each output of the graph.

    `classes` are the labels, where they are not those of the estimator.
    """
    if not is_classifier(estimator):
        return [("variable", np.dtype(np.float32), [estimator.n_outputs_])]
    n_classes = len(estimator.classes_)
    label = [n_classes] if _is_multilabel(estimator) else []
    dtype = np.dtype(np.int64) if label else _labels(estimator, classes).dtype
    return [("label", dtype, label), ("probabilities", np.dtype(np.float32), [n_classes])]


def _labels(estimator, classes):
    return label_values(estimator.classes_ if classes is None else classes)


def _is_multilabel(estimator):
    return not hasattr(estimator, "add_to_onnx") and estimator._is_multilabel()


def add_estimator(graph: Graph, estimator, rows: str, outputs: list[str], classes=None) -> None:
    """Add what computes the outputs, named as given, from float32 rows.

    `classes` are the labels, where they are not those of the estimator.
    """
    if not is_classifier(estimator):
        _add_predictions(graph, estimator, rows, outputs[0])
        return
    label, probabilities = outputs
    P = _add_probabilities(graph, estimator, rows, probabilities)
    if _is_multilabel(estimator):
        is_label = graph.node("Greater", [P, graph.constant(np.float32(0.5))])
        graph.node("Cast", [is_label], label, to=TensorProto.INT64)
        return
    index = graph.node("ArgMax", [P], axis=1, keepdims=0)
    graph.node("Gather", [graph.constant(_labels(estimator, classes)), index], label, axis=0)


def _add_probabilities(graph, estimator, rows, output=None):
    """Add what computes a column for each class; of a run, the mean of what its networks say."""
    if hasattr(estimator, "add_to_onnx"):
        return estimator.add_to_onnx(graph, partial(_add_probabilities, graph, rows=rows), output)
    if estimator.n_outputs_ > 1:
        return _add_predictions(graph, estimator, rows, output)
    P = _add_predictions(graph, estimator, rows)
    rest = graph.node("Sub", [graph.constant(np.float32([1])), P])
    return graph.node("Concat", [rest, P], output, axis=1)


def _add_predictions(graph, estimator, rows, output=None):
    """Add the network and the activation of its output, for each view if it predicts by views."""
    network, views = network_of(estimator, by_views=True), views_of(estimator)
    X = add_views(graph, rows, estimator, views) if views else rows
    activation, own = OUTPUTS.get(network.output), None if views else output
    Y = _add_network(graph, network, X, None if activation else own)
    Y = graph.node(activation, [Y], own) if activation else Y
    return add_mean_over_views(graph, Y, views, estimator.n_outputs_, output) if views else Y


def _add_network(graph, network, X, output):
    """Add the layers; returns the name of what the last returns: `output` if it is given."""
    if len(network.input_shape) == 3:
        shape = graph.constant(np.int64([-1, *network.input_shape]))
        X = graph.node("Reshape", [X, shape])
        X = graph.node("Transpose", [X], perm=[0, 3, 1, 2])
    adders = write_layers(reordered(network.layers, to_first=True), WRITE, "ONNX")
    for add in adders[:-1]:
        X = add(graph, X, None)
    return adders[-1](graph, X, output)


def _node(kind, **settings):
    """An entry of the table for layers without arrays: `settings` maps a layer to attributes."""

    def write(layer):
        attributes = {name: value(layer) for name, value in settings.items()}

        def add(graph, X, output):
            return graph.node(kind, [X], output, **attributes)

        return add

    return write


def _nothing(layer):
    return lambda graph, X, output: X


def _array(graph, array):
    return graph.constant(np.ascontiguousarray(array, np.float32))


def _write_scaling(layer):
    def add(graph, X, output):
        shifted = graph.node("Sub", [X, graph.constant(np.float32(layer.shift))])
        return graph.node("Div", [shifted, graph.constant(np.float32(layer.scale))], output)

    return add


def _write_dense(layer, weight, bias=None):
    def add(graph, X, output):
        if bias is None:
            return graph.node("MatMul", [X, _array(graph, weight)], output)
        return graph.node("Gemm", [X, _array(graph, weight), _array(graph, bias)], output)

    return add


def _write_conv(layer, weight, bias=None):
    arrays = [weight.transpose(3, 2, 0, 1), *([] if bias is None else [bias])]

    def add(graph, X, output):
        return graph.node(
            "Conv",
            [X, *(_array(graph, array) for array in arrays)],
            output,
            kernel_shape=[layer.kernel_size] * 2,
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )

    return add


def _write_norm(layer, **arrays):
    def add(graph, X, output):
        inputs = [X, *(_array(graph, array) for array in arrays.values())]
        return graph.node("BatchNormalization", inputs, output, epsilon=float(layer.epsilon))

    return add


def _write_pool(kind):
    return _node(
        kind,
        kernel_shape=lambda layer: [layer.size] * 2,
        strides=lambda layer: [layer.stride or layer.size] * 2,
    )


def _write_global_average(layer):
    def add(graph, X, output):
        return graph.node("Flatten", [graph.node("GlobalAveragePool", [X])], output, axis=1)

    return add


def _write_silu(layer):
    return lambda graph, X, output: graph.node("Mul", [X, graph.node("Sigmoid", [X])], output)


WRITE = {
    InputScaling: _write_scaling,
    nn.Dense: _write_dense,
    nn.Conv2D: _write_conv,
    nn.BatchNorm: _write_norm,
    nn.MaxPool2D: _write_pool("MaxPool"),
    nn.AveragePool2D: _write_pool("AveragePool"),
    nn.GlobalAveragePool2D: _write_global_average,
    nn.Flatten: _node("Flatten", axis=lambda layer: 1),
    nn.Dropout: _nothing,
    nn.Identity: _nothing,
    nn.ReLU: _node("Relu"),
    nn.LeakyReLU: _node("LeakyRelu", alpha=lambda layer: float(layer.slope)),
    nn.Tanh: _node("Tanh"),
    nn.Logistic: _node("Sigmoid"),
    nn.SiLU: _write_silu,
}
OUTPUTS = {SOFTMAX: "Softmax", LOGISTIC: "Sigmoid", EXP: "Exp"}
