"""The converter with which skl2onnx exports a Pipeline that holds an estimator.

Importing this file registers it. Where nobody did, skl2onnx asks the estimator itself, by its
method `onnx_parser`, which imports this file.
"""

import numpy as np
from onnx import TensorProto, numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import (
    DictionaryType,
    FloatTensorType,
    Int64TensorType,
    SequenceType,
    StringTensorType,
)
from skl2onnx.common.utils_classifier import get_label_classes
from sklearn.base import is_classifier

from digit_recognizer.estimator import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.interop.onnx import Graph, add_estimator, label_values, outputs_of

ALIAS = "NumpyNet"
OPTIONS = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
TYPES = {np.dtype(np.float32): FloatTensorType, np.dtype(np.int64): Int64TensorType}


def introduce(estimator):
    """What skl2onnx calls for the outputs of an estimator whose class it did not know before."""
    _register(type(estimator))

    def parse_unknown(scope, inputs):
        # It declared the operator before it asked, without the name that is known now.
        *_, operator = scope.operators.values()
        operator.type = ALIAS
        return _declare_outputs(scope, estimator, inputs)

    return parse_unknown


def _parse(scope, estimator, inputs, custom_parsers=None):
    operator = scope.declare_local_operator(ALIAS, estimator)
    operator.inputs = inputs
    for variable in _declare_outputs(scope, estimator, inputs):
        operator.outputs.append(variable)
    return operator.outputs


def _declare_outputs(scope, estimator, inputs):
    """The outputs: with the option "zipmap" probabilities by class, or a column for each class."""
    names, types = zip(*_plain_outputs(scope, estimator, inputs), strict=True)
    zipmap = is_classifier(estimator) and scope.get_options(estimator, {"zipmap": True})["zipmap"]
    if zipmap:
        names, label = ["output_label", "output_probability"], types[0]
        types = [label, SequenceType(DictionaryType(type(label)([None]), FloatTensorType()))]
    if zipmap == "columns":
        columns = get_label_classes(scope, estimator, node_names=True)
        names = ["output_label", *columns]
        types = [label, *(FloatTensorType(label.shape[:1]) for _ in columns)]
    return [scope.declare_local_variable(*one) for one in zip(names, types, strict=True)]


def _labels(scope, estimator):
    """The classes, or their numbers with the option "nocl"."""
    return get_label_classes(scope, estimator) if is_classifier(estimator) else None


def _plain_outputs(scope, estimator, inputs):
    """Name and type of each output, without "zipmap"."""
    n_rows = inputs[0].get_first_dimension()
    for name, dtype, shape in outputs_of(estimator, _labels(scope, estimator)):
        yield name, TYPES.get(dtype, StringTensorType)([n_rows, *shape])


def _has_classes_apart(operator):
    """Whether the outputs are those that "zipmap" asked for."""
    last = operator.outputs[-1].type
    return isinstance(last, SequenceType) or len(operator.outputs) > 2


def _set_types(operator):
    if not _has_classes_apart(operator):
        # Declared by a model that holds the estimator, such as a GridSearchCV.
        parts = operator.scope_inst, operator.raw_operator, operator.inputs
        for variable, (_, kind) in zip(operator.outputs, _plain_outputs(*parts), strict=True):
            variable.set_type(kind)


def _convert(scope, operator, container):
    estimator = operator.raw_operator

    def node(kind, inputs, output=None, **settings):
        output = output or scope.get_unique_variable_name(kind.lower())
        settings["name"] = scope.get_unique_operator_name(kind)
        container.add_node(kind, inputs, output, **settings)
        return output

    def constant(array):
        name = scope.get_unique_variable_name("constant")
        tensor = numpy_helper.from_array(array)
        content = array.ravel().tolist() if array.dtype == object else tensor
        container.add_initializer(name, tensor.data_type, array.shape, content)
        return name

    rows = [node("Cast", [v.full_name], to=TensorProto.FLOAT) for v in operator.inputs]
    rows = node("Concat", rows, axis=1) if len(rows) > 1 else rows[0]
    outputs, names = operator.output_full_names, operator.output_full_names
    if _has_classes_apart(operator):
        names = [outputs[0], scope.get_unique_variable_name("probabilities")]
    classes = _labels(scope, estimator)
    add_estimator(Graph(node, constant), estimator, rows, names, classes)
    if names == outputs:
        return
    if isinstance(operator.outputs[1].type, SequenceType):
        values = label_values(classes)
        kind = "classlabels_strings" if values.dtype == object else "classlabels_int64s"
        domain = "ai.onnx.ml"
        node("ZipMap", names[1:], outputs[1], op_domain=domain, **{kind: values.tolist()})
        return
    for index, output in enumerate(outputs[1:]):
        node("Gather", [names[1], constant(np.int64(index))], output, axis=1)


def _register(kind):
    update_registered_converter(kind, ALIAS, _set_types, _convert, parser=_parse, options=OPTIONS)


_register(NumpyNetClassifier)
_register(NumpyNetRegressor)
