"""`load_run`: the networks of a run as one classifier."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.validation import check_is_fitted

from digit_recognizer import NumpyNetClassifier, load_run
from digit_recognizer.pipeline.blend import blend
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.ensembles.combining import Stacking
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.runs.predictions import read_test
from digit_recognizer.pipeline.sources.source import find_data

SHARED = "learning_rate = 'cosine'\nmax_iter = 2\nbatch_size = 50\n[cv]\nfolds = 2\n"
RECIPES = {
    "plain": "[model]\nhidden_layer_sizes = [16]\nviews = {shift = 1}\n" + SHARED,
    "stacked": "[model]\n" + SHARED + "repeats = 2\n[ensemble]\nseeds = 2\ncombine = 'stacking'\n"
    "architectures = ['4N-R', '8N-R']\n",
    "weighted": "[model]\n" + SHARED + "[ensemble]\ncombine = 'weights'\n"
    "architectures = ['2N-R', '32N-R']\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with finished runs on the sample, the last of them a blend."""
    place = tmp_path_factory.mktemp("loading")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        folder, _ = find_data(source="sample")
        data = load_data(folder)
        for name, text in RECIPES.items():
            Path(f"{name}.toml").write_text(text)
            recipe = load_recipe(f"{name}.toml", {"compute": {"jobs": 1}})
            submit(recipe, data, folder, report=lambda sentence: None)
        blend(["plain", "weighted"], "weights")
    return place


@pytest.fixture(autouse=True)
def there(place, monkeypatch):
    monkeypatch.chdir(place)


@pytest.fixture(scope="module")
def frame(place):
    return pd.read_csv(place / "data" / "sample" / "test.csv", dtype=np.uint8)


@pytest.fixture(scope="module")
def images(frame):
    return frame.to_numpy()


@pytest.mark.parametrize("name", [*RECIPES, "blend"])
def test_predicts_what_the_run_submitted(name, images):
    run = next(Path("runs").glob(f"{name}-*"))
    loaded = load_run(run)
    np.testing.assert_allclose(
        loaded.predict_proba(images), read_test(run).probabilities, atol=2e-5
    )
    labels = pd.read_csv(run / "submission.csv")["Label"]
    np.testing.assert_array_equal(loaded.predict(images), labels)
    assert loaded.score(images, labels) == 1.0


def test_what_was_learned_of_combining_is_used():
    run = next(Path("runs").glob("weighted-*"))
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["ensemble"]["combine"] == "weights"
    combine, _ = load_run(run).groups_[0]
    assert combine.weights.tolist() == metrics["ensemble"]["learned"][0]["weights"]


def test_has_the_networks_of_all_folds_and_repeats():
    assert len(load_run("stacked").networks_) == 16
    assert len(load_run("blend").networks_) == 2 + 4


def test_images_come_in_any_usual_form(images, frame):
    run = load_run("plain")
    expected = run.predict_proba(images)
    for form in (
        images.reshape(-1, 28, 28),
        images.reshape(-1, 28, 28, 1),
        images.astype(float),
        images.tolist(),
        frame,
        pd.concat([pd.Series(3, frame.index, name="label"), frame[frame.columns[::-1]]], axis=1),
    ):
        np.testing.assert_allclose(run.predict_proba(form), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((28, 28), r"X is one image, of shape \(28, 28\); X\[np.newaxis\]"),
        ((3, 32, 32), r"images of shape \(32, 32\), but the run plain-\w+ was trained on \(28, 28"),
        ((3, 10), "X has 10 features, but .* 784"),
    ],
)
def test_other_shapes_are_told_what_to_become(shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_run("plain").predict(np.zeros(shape, np.uint8))


def test_is_a_fitted_classifier_for_scikit_learn(images):
    run = load_run("plain")
    check_is_fitted(run)
    assert clone(run) is run
    assert run.fit(images) is run
    calibrated = CalibratedClassifierCV(run, cv=2).fit(images, np.arange(len(images)) % 10)
    assert calibrated.predict(images).shape == (len(images),)
    again = pickle.loads(pickle.dumps(run))
    np.testing.assert_array_equal(again.predict_proba(images), run.predict_proba(images))
    np.testing.assert_array_equal(
        again.predict_log_proba(images), np.log(run.predict_proba(images))
    )


@pytest.fixture
def in_the_runtime(tmp_path):
    """A function that runs an ONNX file, or a model, on images: labels and probabilities."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")

    def run(model, images):
        if hasattr(model, "to_onnx"):
            model.to_onnx(tmp_path / "run.onnx")
            model = tmp_path / "run.onnx"
        session = runtime.InferenceSession(model)
        assert [output.name for output in session.get_outputs()] == ["label", "probabilities"]
        return session.run(None, {"X": images.astype(np.float32)})

    return run


@pytest.mark.parametrize("name", [*RECIPES, "blend"])
def test_one_onnx_file_holds_all_networks(name, images, in_the_runtime):
    run = load_run(name)
    label, probabilities = in_the_runtime(run, images)
    np.testing.assert_allclose(probabilities, run.predict_proba(images), atol=1e-5)
    np.testing.assert_array_equal(label, run.predict(images))


@pytest.mark.parametrize(("n_classes", "n_seen"), [(2, 2), (4, 4), (4, 3)])
def test_stacking_is_in_the_onnx_file(n_classes, n_seen, images, in_the_runtime):
    run, names = load_run("plain"), np.array(["a", "b", "c", "d"])
    y = np.arange(len(images)) % n_classes
    settings = {"max_iter": 1, "learning_rate": "cosine", "scaling": "unit"}
    networks = [
        NumpyNetClassifier((4,), random_state=seed, **settings).fit(images, names[y])
        for seed in (0, 1)
    ]
    seen = y < n_seen
    probabilities = np.stack([network.predict_proba(images) for network in networks])
    run.groups_ = [(Stacking().fit(probabilities[:, seen], y[seen]), networks)]
    run.classes_ = networks[0].classes_
    label, probabilities = in_the_runtime(run, images)
    np.testing.assert_allclose(probabilities, run.predict_proba(images), atol=1e-5)
    np.testing.assert_array_equal(label, run.predict(images))


def test_a_pipeline_that_ends_in_a_run_goes_to_onnx(images, in_the_runtime):
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    scaler = MinMaxScaler((0, 255)).fit(np.array([[0.0], [1.0]]).repeat(784, axis=1))
    pipe, X = make_pipeline(scaler, load_run("weighted")), np.float32(images / 255)
    model = to_onnx(pipe, X[:1], options={"zipmap": False})
    _, probabilities = in_the_runtime(model.SerializeToString(), X)
    np.testing.assert_allclose(probabilities, pipe.predict_proba(X), atol=1e-5)


def test_without_a_name_it_is_the_newest_run():
    assert load_run().run.startswith("blend-")


def test_runs_that_cannot_be_loaded_are_told(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"no finished run in runs; make one with .*submit"):
        load_run()
    with pytest.raises(ValueError, match="There is no run 'runs/nothing'"):
        load_run("runs/nothing")
    run = next((place / "runs").glob("plain-*"))
    broken = tmp_path / "runs" / run.name
    shutil.copytree(run, broken)
    model = broken / "fold-2" / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"fold-2/model.safetensors is no saved.*submit with its"):
        load_run(broken)
    model.unlink()
    with pytest.raises(ValueError, match=r"fold-2/model.safetensors.*submit with its recipe"):
        load_run(broken)
    (broken / "metrics.json").unlink()
    with pytest.raises(ValueError, match=r"metrics.json is not there: the run is not finished"):
        load_run(broken)


def test_a_run_is_named_by_its_folder_from_within(place, monkeypatch):
    run = next(path for path in (place / "runs").iterdir() if path.name.startswith("plain"))
    monkeypatch.chdir(run)
    assert load_run(".").run == run.name
