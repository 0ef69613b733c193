"""The list of runs, and the removal of some."""

import json
import shutil
from datetime import datetime

import pytest

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.runs import catalogue, locks, run_directory
from digit_recognizer.pipeline.sources.source import find_data
from in_process import run

RECIPE = (
    "[model]\nhidden_layer_sizes = [8]\nmax_iter = 2\nlearning_rate = 'cosine'\n[cv]\nfolds = 2\n"
)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A finished run and one that has trained one of its two networks; their names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(RECIPE)
    folder, _ = find_data(source="sample")
    data = load_data(folder)
    names = []
    for seed in (0, 1):
        recipe = load_recipe("small.toml", {"cv": {"seed": seed}, "compute": {"jobs": 1}})
        names.append(submit(recipe, data, folder, report=lambda sentence: None).run_id)
    half = tmp_path / "runs" / names[1]
    for name in ("metrics.json", "fold-2/result.json"):
        (half / name).unlink()
    return names


def command(*arguments):
    return run(".", "runs", *arguments)


def test_the_list_tells_finished_from_unfinished(runs):
    whole, half = sorted(catalogue.list_runs(), key=lambda run: runs.index(run.path.name))
    assert (whole.state, whole.n_finished, whole.n_networks) == ("finished", 2, 2)
    assert (half.state, half.n_finished, half.n_networks) == ("unfinished", 1, 2)
    metrics = json.loads((whole.path / "metrics.json").read_text())
    assert whole.accuracy == metrics["cv_accuracy_mean"]
    assert half.accuracy is None
    assert whole.seconds == pytest.approx(sum(n["seconds"] for n in metrics["networks"]))
    assert whole.n_bytes == sum(f.stat().st_size for f in whole.path.rglob("*") if f.is_file())


def test_a_run_whose_network_is_gone_is_not_finished(runs):
    path = run_directory.RUNS_FOLDER / runs[0]
    shutil.rmtree(path / "fold-2")
    run = catalogue.look_at(path)
    assert (run.state, run.n_finished, run.n_networks) == ("unfinished", 1, 2)


def test_a_damaged_result_is_not_a_finished_run(runs):
    path = run_directory.RUNS_FOLDER / runs[0] / "oof.csv"
    path.write_bytes(path.read_bytes()[:-1])
    assert {run.state for run in catalogue.list_runs()} == {"unfinished"}


def test_a_run_in_training_is_running_and_stays(runs):
    path = run_directory.RUNS_FOLDER / runs[1]
    with locks.locked(path):
        assert catalogue.look_at(path).state == "running"
        assert catalogue.choose([], everything=False) == []
        with pytest.raises(InputError, match=f"Run {runs[1]} is being trained; stop it first"):
            catalogue.choose([runs[1]], everything=False)
        with pytest.raises(OutsideError, match="is in use by process"):
            run_directory.remove(path)
    assert (path / "run.json").is_file()


def test_an_unknown_run_is_named_with_those_there_are(runs):
    with pytest.raises(
        InputError, match=rf"There is no run 'nope' in runs; choose one of .*{runs[0]}"
    ):
        catalogue.choose(["nope"], everything=False)


def test_the_command_lists_within_80_columns(runs):
    result = command()
    assert (result.returncode, result.stderr) == (0, "")
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["run", "date", "data", "state", "trained", "CV", "time", "size"]
    today = f"{datetime.now():%Y-%m-%d}"
    assert [row.split()[:4] for row in rows] == sorted(
        [[runs[0], today, "sample", "finished"], [runs[1], today, "sample", "unfinished"]]
    )
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_clean_removes_the_unfinished_only_and_all_on_request(runs):
    left = run_directory.RUNS_FOLDER
    result = command("clean", "--yes")
    assert result.returncode == 0
    assert [path.name for path in left.iterdir()] == [runs[0]]
    assert result.stdout.splitlines()[-1].startswith("Removed 1, ")
    assert command("clean").stdout == "There is nothing to remove.\n"
    assert command("clean", "--all").returncode == 0
    assert list(left.iterdir()) == []
    assert command().stdout.startswith("No runs yet")


def test_clean_removes_the_named_run(runs):
    assert command("clean", runs[0]).returncode == 0
    assert [path.name for path in run_directory.RUNS_FOLDER.iterdir()] == [runs[1]]
    result = command("clean", "nope")
    assert result.returncode == 2
    assert result.stderr.startswith("digit-recognizer: There is no run 'nope'")
