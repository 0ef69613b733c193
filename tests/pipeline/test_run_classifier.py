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
from sklearn.utils.validation import check_is_fitted

from digit_recognizer import load_run
from digit_recognizer.pipeline.blend import blend
from digit_recognizer.pipeline.data.dataset import load_data
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
