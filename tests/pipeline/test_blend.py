"""A submission from several runs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digit_recognizer.command_line.tables import rendered
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.blend import _combined, blend
from digit_recognizer.pipeline.comparison import compare
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.runs import predictions
from digit_recognizer.pipeline.runs.catalogue import look_at, table_of_runs
from digit_recognizer.pipeline.sources.source import find_data
from digit_recognizer.pipeline.submissions import log

# With the section, the classes are those of the training file.
RECIPE = (
    "[competition]\n[model]\nhidden_layer_sizes = [{}]\nmax_iter = 3\n"
    "learning_rate = 'cosine'\n[cv]\nfolds = 2\n"
)
PROBABILITIES = [f"probability_{digit}" for digit in range(10)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a finished run of each of two recipes on the sample."""
    place = tmp_path_factory.mktemp("blend")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        folder, _ = find_data(source="sample")
        data = load_data(folder)
        for name, units in (("narrow", 4), ("wide", 16)):
            Path(f"{name}.toml").write_text(RECIPE.format(units))
            recipe = load_recipe(f"{name}.toml", {"compute": {"jobs": 1}})
            submit(recipe, data, folder, report=lambda sentence: None)
    return place


@pytest.fixture(autouse=True)
def there(place, monkeypatch):
    monkeypatch.chdir(place)


def run_of(name):
    return next(Path("runs").glob(f"{name}-*"))


def test_a_run_leaves_its_probabilities_for_the_test_images_by_id():
    run = run_of("wide")
    test = pd.read_csv(run / "test.csv")
    assert list(test.columns) == ["ImageId", *PROBABILITIES]
    np.testing.assert_allclose(test[PROBABILITIES].sum(axis=1), 1, atol=1e-4)
    submission = pd.read_csv(run / "submission.csv")
    assert (test["ImageId"] == submission["ImageId"]).all()
    assert (test[PROBABILITIES].to_numpy().argmax(axis=1) == submission["Label"]).all()
    assert "test.csv" in json.loads((run / "metrics.json").read_text())["files"]


def test_a_blend_is_the_mean_of_the_runs_probabilities_and_logged_like_any_submission():
    outcome = blend(["narrow", "wide"])
    run = Path("runs") / outcome.run_id
    for name in ("oof.csv", "test.csv"):
        tables = [pd.read_csv(run_of(part) / name)[PROBABILITIES] for part in ("narrow", "wide")]
        of_blend = pd.read_csv(run / name)[PROBABILITIES]
        np.testing.assert_allclose(of_blend, (tables[0] + tables[1]) / 2, atol=1e-5)
    oof = pd.read_csv(run / "oof.csv")
    right = (oof["label"] == oof["prediction"]).mean()
    assert outcome.metrics["oof_accuracy"] == pytest.approx(right)
    assert Path("submissions/submission.csv").read_bytes() == (run / "submission.csv").read_bytes()
    row = log.read(log.LOG_FILE)[-1]
    assert (row["run"], row["recipe"], row["status"]) == (outcome.run_id, "blend", "sample")
    assert float(row["oof_accuracy"]) == pytest.approx(right, abs=1e-6)


def test_weights_are_learned_on_out_of_fold_predictions_and_told():
    outcome = blend(["narrow", "wide"], "weights")
    tried = outcome.metrics["ensemble"]["oof_accuracies"]
    assert set(tried) == {"mean", "weights"}
    assert outcome.metrics["oof_accuracy"] == tried[outcome.metrics["ensemble"]["combine"]]


def test_a_blend_can_be_compared_and_blended():
    first = blend(["narrow", "wide"])
    again = blend(["wide", "narrow"])
    comparison = compare(first.run_id, "wide", Path("runs"))
    assert comparison.n_samples == first.metrics["n_train"]
    assert not comparison.same_recipe
    assert blend([first.run_id, again.run_id]).metrics["blend"] == [first.run_id, again.run_id]


def test_the_list_of_runs_has_the_blend_which_trained_nothing():
    run = look_at(Path("runs") / blend(["narrow", "wide"]).run_id)
    assert (run.state, run.data) == ("finished", "sample")
    assert "0 of 0" not in rendered(table_of_runs([run]))


def test_the_same_blend_gives_the_same_bytes():
    files = [(Path("runs") / blend(["narrow", "wide"]).run_id / "test.csv") for _ in range(2)]
    assert files[0] == files[1]
    before = files[0].read_bytes()
    blend(["narrow", "wide"])
    assert files[0].read_bytes() == before


@pytest.mark.parametrize("runs", [["wide"], ["wide", "wide"], ["wide", "narrow", "wide"]])
def test_a_blend_of_less_than_two_runs_is_refused(runs):
    with pytest.raises(InputError, match="two or more different runs; name each once"):
        blend(runs)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("test.csv", b"ImageId\n1\n", "is damaged"),
        ("test.csv", None, "is not there: the run is not finished"),
        ("metrics.json", None, "is not there: the run is not finished"),
        ("recipe.toml", b"[competition]\n", "is not as the run wrote it; submit with its recipe"),
        ("run.json", None, "is missing or damaged; submit with its recipe"),
    ],
)
def test_a_file_that_is_missing_or_damaged_is_named(name, content, sentence, tmp_path, monkeypatch):
    for part in ("narrow", "wide"):
        target = tmp_path / "runs" / run_of(part).name
        target.mkdir(parents=True)
        for file in run_of(part).glob("*.*"):
            (target / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    file = run_of("narrow") / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(InputError, match=f"{name} {sentence}"):
        blend([run_of("narrow").name, "wide"])
    assert not list(Path("runs").glob("blend-*"))


def test_the_command_tells_what_the_blend_reaches():
    result = subprocess.run(
        [sys.executable, "-m", "digit_recognizer", "blend", "narrow", "wide"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stderr) == (0, "")
    names = [line[:14].strip() for line in result.stdout.splitlines()]
    assert names == ["Run", "Of", "CV accuracy", "OOF accuracy", "Time", "Submission"]


def test_classes_of_more_than_one_digit_are_told_apart():
    classes = [str(number) for number in range(1, 13)]
    labels = np.array(classes * 4)
    probabilities = np.eye(12)[np.arange(48) % 12]
    folds, rows = np.arange(48) % 2 + 1, np.arange(1, 49)
    part = predictions.OutOfFold("a", rows, labels, labels, folds, classes, probabilities, None)
    tests = [predictions.TestPredictions(np.array(["1"]), probabilities[:1])] * 2
    combined, _, y = _combined([part, part], tests, "mean")
    np.testing.assert_array_equal(y, np.arange(48) % 12)
    assert combined.description["oof_accuracies"]["mean"] == 1.0
