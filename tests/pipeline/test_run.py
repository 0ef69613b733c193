"""A run from data to submission, on small files."""

import csv
import errno
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.comparison import compare
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.ensembles.folds import make_folds
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.recipes.sections import CrossValidation
from digit_recognizer.pipeline.run import submit, submit_finished
from digit_recognizer.pipeline.runs import run_directory
from digit_recognizer.pipeline.runs.history import read_history
from digit_recognizer.pipeline.runs.members import FILES, RESULT_FILE
from digit_recognizer.pipeline.sources.source import find_data
from digit_recognizer.pipeline.submissions import log

RECIPE = """
[model]
hidden_layer_sizes = [32]
dropout = 0.1
learning_rate = "one_cycle"
learning_rate_init = 0.01
max_iter = 3
batch_size = 50

[cv]
folds = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with a recipe and the embedded sample."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(RECIPE)
    return tmp_path


def run(fresh=False, **overrides):
    recipe = load_recipe("small.toml", overrides)
    folder, _ = find_data(source="sample")
    return submit(recipe, load_data(folder), folder, fresh)


def test_a_run_leaves_a_checked_submission_and_all_its_results(here):
    outcome = run()
    folder = here / "runs" / outcome.run_id
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    of_a_fold = (*FILES, RESULT_FILE, ".lock")
    per_fold = {f"fold-{k}/{name}" for k in (1, 2, 3) for name in of_a_fold}
    of_the_run = {"run.json", *run_directory.FILES, "metrics.json", ".lock"}
    assert names == of_the_run | per_fold
    newest = here / "submissions" / "submission.csv"
    assert outcome.submission.resolve() == newest
    assert newest.read_bytes() == (folder / "submission.csv").read_bytes()
    kept = list((here / "submissions").glob(f"*_{outcome.run_id}.csv"))
    assert [path.read_bytes() for path in kept] == [newest.read_bytes()]
    lines = newest.read_text().splitlines()
    assert lines[0] == "ImageId,Label"
    assert len(lines) == 1 + outcome.metrics["n_test"]


def test_the_metrics_are_those_of_the_files(here):
    outcome = run()
    folder = here / "runs" / outcome.run_id
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["sha256"]
    assert metrics == outcome.metrics
    with (folder / "oof.csv").open() as file:
        rows = list(csv.DictReader(file))
    right = [row["label"] == row["prediction"] for row in rows]
    assert metrics["oof_accuracy"] == np.mean(right) > 0.8
    of_folds = [
        np.mean([ok for ok, row in zip(right, rows, strict=True) if row["fold"] == str(k)])
        for k in (1, 2, 3)
    ]
    assert metrics["cv_accuracy_mean"] == pytest.approx(np.mean(of_folds))
    assert metrics["cv_accuracy_std"] == pytest.approx(np.std(of_folds))
    for row in rows[:5]:
        probabilities = [float(row[f"probability_{k}"]) for k in range(10)]
        assert sum(probabilities) == pytest.approx(1, abs=1e-4)
        assert int(row["prediction"]) == np.argmax(probabilities)


def test_the_held_back_labels_of_the_sample_give_a_score(here):
    assert run().metrics["test_accuracy"] > 0.8


def test_the_log_has_a_row_for_each_run(here):
    first, second = run(), run(cv={"seed": 1})
    rows = log.read(here / "submissions" / "log.csv")
    assert [row["run"] for row in rows] == [first.run_id, second.run_id]
    assert rows[1]["sha256"] == sha256(second.submission)
    assert first.run_id != second.run_id


def test_the_bytes_do_not_depend_on_the_number_of_jobs(here):
    outcomes = {}
    for jobs in (1, 2):
        outcome = run(fresh=True, compute={"jobs": jobs})
        folder = here / "runs" / outcome.run_id
        outcomes[jobs] = {name: sha256(folder / name) for name in ("submission.csv", "oof.csv")}
    assert outcomes[1] == outcomes[2]


def test_a_folder_that_cannot_be_written_is_named_before_training(here):
    (here / "runs").write_text("in the way")
    with pytest.raises(InputError, match=r"^runs cannot be made"):
        run()
    assert list((here / "submissions").iterdir()) == []


def test_a_training_that_diverges_is_one_sentence(here):
    text = RECIPE.replace('learning_rate = "one_cycle"', 'solver = "sgd"')
    (here / "small.toml").write_text(text.replace("0.01", "1e30"))
    with pytest.raises(InputError, match=r"^Recipe small cannot be trained: .*non-finite"):
        run(compute={"jobs": 1})


def test_a_foreign_log_is_refused_before_training(here, monkeypatch):
    (here / "submissions").mkdir()
    (here / "submissions" / "log.csv").write_text("a,b\n")
    monkeypatch.setattr("digit_recognizer.pipeline.run._train", None)
    with pytest.raises(InputError, match=r"log\.csv, line 1: the columns are not those"):
        run()


def test_training_rows_of_one_class_are_refused():
    with pytest.raises(InputError, match="All 9 training rows are of class 4; add rows"):
        make_folds(np.full(9, 4), CrossValidation())


def test_a_run_with_lbfgs_knows_the_accuracy_of_its_end(here):
    text = RECIPE.replace('learning_rate = "one_cycle"', 'solver = "lbfgs"').replace(
        "dropout = 0.1", ""
    )
    (here / "small.toml").write_text(text)
    outcome = run(compute={"jobs": 1})
    rows = read_history(here / "runs" / outcome.run_id / "fold-1" / "history.csv")
    assert [row["accuracy"] for row in rows[:-1]] == [""] * 2
    assert float(rows[-1]["accuracy"]) == outcome.metrics["folds"][0]["accuracy"]


@pytest.mark.parametrize("name", ["oof.csv", "submission.csv", "metrics.json"])
@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_missing_results_of_trained_networks_are_made_again_without_training(here, name, backend):
    path = here / "runs" / run().run_id / name
    content = path.read_bytes()
    path.unlink()
    run(compute={"jobs": 2, "backend": backend})
    if name != "metrics.json":  # It holds the time that making it took.
        assert path.read_bytes() == content
    assert path.exists()


def test_a_leftover_that_cannot_be_removed_stops_nothing(here, monkeypatch):
    outcome = run()
    leftover = here / "runs" / outcome.run_id / ".oof.csv.00000000.tmp"
    leftover.write_text("half of")
    unlink = Path.unlink

    def refuse(path, missing_ok=False):
        if path.name == leftover.name:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert run().metrics == outcome.metrics


def test_a_run_that_cannot_be_removed_is_named(here, monkeypatch):
    outcome = run(compute={"jobs": 1})

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("digit_recognizer.pipeline.runs.run_directory.shutil.rmtree", refuse)
    with pytest.raises(InputError, match=rf"^runs/{outcome.run_id} cannot be emptied \(Permission"):
        run(fresh=True, compute={"jobs": 1})


def test_rows_that_the_recipe_drops_are_left_out_under_their_own_numbers(here, capsys):
    whole = run()
    Path("wrong.csv").write_text(f"row,label\n3,{label_of(whole, 3)}\n")
    outcome = run(data={"drop": "wrong.csv"})
    assert outcome.run_id != whole.run_id
    assert outcome.metrics["n_train"] == whole.metrics["n_train"] - 1
    assert outcome.metrics["data"] == whole.metrics["data"]
    rows = pd.read_csv(here / "runs" / outcome.run_id / "oof.csv")["row"].tolist()
    assert rows[:4] == [1, 2, 4, 5]
    assert "1 training rows of wrong.csv are left out." in capsys.readouterr().err
    found = compare(whole.run_id, outcome.run_id, Path("runs"))
    assert found.n_samples == outcome.metrics["n_train"]


def label_of(outcome, row):
    return pd.read_csv(Path("runs") / outcome.run_id / "oof.csv")["label"][row - 1]


def test_another_file_of_rows_to_drop_is_another_run(here):
    Path("wrong.csv").write_text("row\n3\n")
    first, again = run(data={"drop": "wrong.csv"}), run(data={"drop": "wrong.csv"})
    assert first.run_id == again.run_id
    recipe = load_recipe("small.toml", {"data": {"drop": "wrong.csv"}})
    folder, _ = find_data(source="sample")
    assert submit_finished(recipe, folder).run_id == first.run_id
    Path("wrong.csv").write_text("row\n4\n")
    assert submit_finished(recipe, folder) is None
    assert run(data={"drop": "wrong.csv"}).run_id != first.run_id
