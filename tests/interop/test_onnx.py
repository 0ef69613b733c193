"""Estimators as ONNX files, run in ONNX Runtime."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

SHORT = {"max_iter": 1, "learning_rate": "cosine", "random_state": 0}


@pytest.fixture
def run(tmp_path):
    """A function that exports an estimator and runs the file on rows: outputs by name."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")

    def run(estimator, X):
        estimator.to_onnx(tmp_path / "net.onnx")
        session = runtime.InferenceSession(tmp_path / "net.onnx")
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, {"X": X}), strict=True))

    return run


@pytest.mark.parametrize("n_rows", [1, 40])
def test_a_classifier_predicts_the_same_in_the_runtime(classifier, images, run, n_rows):
    X = images[:n_rows]
    outputs = run(classifier, X)
    np.testing.assert_allclose(outputs["probabilities"], classifier.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(outputs["label"], classifier.predict(X))


def test_each_kind_of_target_has_its_outputs(of_each_kind, run):
    estimator, X = of_each_kind
    outputs = run(estimator, X)
    if isinstance(estimator, NumpyNetRegressor):
        expected = estimator.predict(X).reshape(len(X), -1)
        np.testing.assert_allclose(outputs["variable"], expected, atol=1e-5)
        return
    np.testing.assert_array_equal(outputs["label"], estimator.predict(X))
    np.testing.assert_allclose(outputs["probabilities"], estimator.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("activation", ["identity", "tanh", "logistic", "leaky_relu", "silu"])
def test_activations_and_dense_layers_without_bias(activation, images, run):
    clf = NumpyNetClassifier((9, 5), activation=activation, batch_norm=True, dropout=0.1, **SHORT)
    clf.fit(images, np.arange(40) % 3)
    probabilities = run(clf, images)["probabilities"]
    np.testing.assert_allclose(probabilities, clf.predict_proba(images), atol=1e-5)


def test_average_pooling_and_padding_of_several_channels(images, run):
    clf = NumpyNetClassifier(architecture="6C3P1-AP3S2-4C2S2P1", input_shape=(7, 16, 7), **SHORT)
    clf.fit(images, np.arange(40) % 3)
    probabilities = run(clf, images)["probabilities"]
    np.testing.assert_allclose(probabilities, clf.predict_proba(images), atol=1e-5)


@pytest.mark.parametrize("architecture", ["4C3-R", "8N-R"])
def test_raw_pixels_are_scaled_in_the_graph(architecture, images, run):
    pixels = (255 * images).astype(np.uint8)
    clf = NumpyNetClassifier(architecture=architecture, scaling="standard", **SHORT)
    clf.fit(pixels, np.arange(40) % 3)
    probabilities = run(clf, pixels.astype(np.float32))["probabilities"]
    np.testing.assert_allclose(probabilities, clf.predict_proba(pixels), atol=1e-5)


@pytest.mark.parametrize("views", [{"shift": 1}, {"rotation": 20}, {"shift": 1.5, "rotation": 7}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_views_are_in_the_graph(views, n_classes, images, run):
    X = images + 1
    clf = NumpyNetClassifier(architecture="4C3-R", input_shape=(7, 16, 7), views=views, **SHORT)
    clf.fit(X, np.arange(40) % n_classes)
    assert clf.background_ > 0
    outputs = run(clf, X)
    np.testing.assert_allclose(outputs["probabilities"], clf.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(outputs["label"], clf.predict(X))


def test_targets_are_means_over_views(images, run):
    reg = NumpyNetRegressor(architecture="2C3", input_shape=(28, 28), views={"shift": 1}, **SHORT)
    reg.fit(images, images[:, :2])
    np.testing.assert_allclose(run(reg, images)["variable"], reg.predict(images), atol=1e-5)


def test_expected_counts_are_an_exponential(images, run):
    reg = NumpyNetRegressor(loss="poisson", hidden_layer_sizes=(4,), **SHORT)
    reg.fit(images, np.arange(40) % 4)
    np.testing.assert_allclose(run(reg, images)["variable"].ravel(), reg.predict(images), atol=1e-5)


@pytest.mark.parametrize("classes", [[False, True], [1.0, 7.0], [np.uint8(3), np.uint8(200)]])
def test_labels_are_integers_where_classes_equal_such(classes, images, run):
    clf = NumpyNetClassifier((4,), **SHORT).fit(images, np.array(classes)[np.arange(40) % 2])
    label = run(clf, images)["label"]
    assert label.dtype == np.int64
    np.testing.assert_array_equal(label, clf.predict(images))


def test_what_onnx_lacks_is_named(images, run, tmp_path):
    days = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
    clf = NumpyNetClassifier((4,), **SHORT).fit(images, days[np.arange(40) % 2])
    with pytest.raises(ValueError, match="Labels in ONNX are integers or strings, the classes are"):
        run(clf, images)
    with pytest.raises(NotFittedError):
        run(NumpyNetClassifier(), images)
    assert not (tmp_path / "net.onnx").exists()


def test_folders_are_made_and_one_in_the_place_of_the_file_is_told(images, tmp_path):
    pytest.importorskip("onnx")
    clf = NumpyNetClassifier((4,), **SHORT).fit(images, np.arange(40) % 2)
    clf.to_onnx(tmp_path / "new" / "net")
    with pytest.raises(IsADirectoryError, match=r"remove the folder of that name.*: '.*new'$"):
        clf.to_onnx(tmp_path / "new")
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["new", "net"]
