"""Pipelines that hold an estimator, exported by skl2onnx and run in ONNX Runtime."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

SHORT = {"max_iter": 2, "learning_rate": "cosine", "random_state": 0}
X = np.random.default_rng(0).normal(100, 50, (60, 36)).astype(np.float32)
TARGETS = {
    "integers": np.arange(60) % 3,
    "strings": np.array(["one", "three", "two"])[np.arange(60) % 3],
    "binary": np.array(["no", "yes"])[np.arange(60) % 2],
    "booleans": np.arange(60) % 2 == 0,
    "multilabel": np.random.default_rng(1).integers(0, 2, (60, 4)),
}
each_target = pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)


@pytest.fixture(scope="module")
def export():
    """skl2onnx's own `to_onnx`."""
    return pytest.importorskip("skl2onnx").to_onnx


@pytest.fixture(scope="module")
def run():
    """A function that runs a model on rows: its outputs by name."""
    runtime = pytest.importorskip("onnxruntime")

    def run(model, X):
        session = runtime.InferenceSession(model.SerializeToString())
        names = [output.name for output in session.get_outputs()]
        rows = X if isinstance(X, dict) else {session.get_inputs()[0].name: X}
        return dict(zip(names, session.run(None, rows), strict=True))

    return run


def pipeline(y, architecture="4C3-BN-R-MP2-8N-T"):
    net = NumpyNetClassifier(architecture=architecture, **SHORT)
    return make_pipeline(StandardScaler(), net).fit(X, y)


@each_target
def test_a_pipeline_predicts_the_same_in_the_runtime(y, export, run):
    pipe = pipeline(y)
    outputs = run(export(pipe, X[:1], options={"zipmap": False}), X)
    np.testing.assert_array_equal(outputs["label"], pipe.predict(X))
    np.testing.assert_allclose(outputs["probabilities"], pipe.predict_proba(X), atol=1e-5)


@each_target
def test_probabilities_come_by_class_or_in_columns_as_of_other_classifiers(y, export, run):
    pipe = pipeline(y, "8N-R")
    expected = pipe.predict_proba(X)
    outputs = run(export(pipe, X[:1]), X)
    np.testing.assert_array_equal(outputs["output_label"], pipe.predict(X))
    assert set(outputs["output_probability"][0]) == set(pipe.classes_.tolist())
    by_class = [[row[name] for name in pipe.classes_] for row in outputs["output_probability"]]
    np.testing.assert_allclose(by_class, expected, atol=1e-5)
    label, *columns = run(export(pipe, X[:1], options={"zipmap": "columns"}), X).values()
    np.testing.assert_array_equal(label, pipe.predict(X))
    np.testing.assert_allclose(np.transpose(columns), expected, atol=1e-5)


@pytest.mark.parametrize("y", [X[:, 0], X[:, :2]], ids=["one", "several"])
def test_a_regressor_in_a_pipeline_predicts_the_same(y, export, run):
    pipe = make_pipeline(StandardScaler(), NumpyNetRegressor(hidden_layer_sizes=(5,), **SHORT))
    pipe.fit(X.astype(np.float64), y)
    (predicted,) = run(export(pipe, X[:1].astype(np.float64)), X.astype(np.float64)).values()
    np.testing.assert_allclose(predicted, pipe.predict(X).reshape(60, -1), atol=1e-5)


def test_labels_may_be_the_numbers_of_the_classes(export, run):
    pipe = pipeline(TARGETS["strings"])
    options = {id(pipe[-1]): {"nocl": True, "zipmap": False}}
    label = run(export(pipe, X[:1], options=options), X)["label"]
    np.testing.assert_array_equal(pipe.classes_[label], pipe.predict(X))


def test_a_frame_has_an_input_for_each_column(export, run):
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    clf = NumpyNetClassifier((5,), **SHORT).fit(frame, TARGETS["strings"])
    columns = {name: frame[[name]].to_numpy() for name in frame}
    outputs = run(export(clf, frame, options={"zipmap": False}), columns)
    np.testing.assert_allclose(outputs["probabilities"], clf.predict_proba(frame), atol=1e-5)


def test_pixels_of_eight_bits_stay_so(export, run):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 36), dtype=np.uint8)
    clf = NumpyNetClassifier(architecture="4C3-R", scaling="unit", **SHORT)
    clf.fit(pixels, TARGETS["strings"])
    outputs = run(export(clf, pixels[:1], options={"zipmap": False}), pixels)
    np.testing.assert_allclose(outputs["probabilities"], clf.predict_proba(pixels), atol=1e-5)


def test_models_that_hold_an_estimator_find_its_converter(export, run):
    search = GridSearchCV(NumpyNetClassifier((5,), **SHORT), {"alpha": [0.1]}, cv=2)
    search.fit(X, TARGETS["strings"])
    outputs = run(export(search, X[:1], options={id(search): {"zipmap": False}}), X)
    np.testing.assert_array_equal(outputs["label"], search.predict(X))
    np.testing.assert_allclose(outputs["probabilities"], search.predict_proba(X), atol=1e-5)


def test_skl2onnx_learns_of_the_estimators_without_being_told(export, monkeypatch):
    from skl2onnx import _parse, _supported_operators

    pipe, options = pipeline(TARGETS["strings"]), {"zipmap": False}
    for table in (_parse.sklearn_parsers_map, _supported_operators.sklearn_operator_name_map):
        table.pop(NumpyNetClassifier, None)
    monkeypatch.delitem(sys.modules, "digit_recognizer.interop.skl2onnx", raising=False)
    first = export(pipe, X[:1], options=options)
    assert NumpyNetClassifier in _parse.sklearn_parsers_map
    again = export(pipe, X[:1], options=options)
    assert [node.op_type for node in first.graph.node] == [n.op_type for n in again.graph.node]
    assert [output.name for output in first.graph.output] == ["label", "probabilities"]
