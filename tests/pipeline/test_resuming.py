"""Runs that go on where they stopped."""

import json

import pytest

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit, submit_finished
from digit_recognizer.pipeline.runs import locks
from digit_recognizer.pipeline.sources.source import find_data
from digit_recognizer.pipeline.submissions import log

RECIPE = """
[model]
hidden_layer_sizes = [16]
dropout = 0.1
learning_rate = "one_cycle"
max_iter = 3

[cv]
folds = 2

[compute]
jobs = 1
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(RECIPE)
    return tmp_path


class Runs:
    """Starts the same run again and again, and keeps what it says."""

    def __init__(self):
        self.said = []

    def __call__(self, fresh=False):
        recipe = load_recipe("small.toml")
        folder, _ = find_data(source="sample")
        self.said = []
        return submit(recipe, load_data(folder), folder, fresh, self.said.append)


@pytest.fixture
def run(here):
    return Runs()


def state(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_finished_run_is_left_as_it_is(here, run):
    outcome = run()
    folder = here / "runs" / outcome.run_id
    before = state(folder)
    again = run()
    assert again == outcome
    assert state(folder) == before
    assert run.said == [f"Run {outcome.run_id} is finished; --fresh would train it again."]
    assert len(log.read(here / "submissions" / "log.csv")) == 1
    assert len(list((here / "submissions").glob("*_small-*.csv"))) == 1


def test_a_finished_run_becomes_the_newest_submission_again(here, run):
    outcome = run()
    outcome.submission.write_text("another")
    run()
    assert sha256(outcome.submission) == outcome.metrics["files"]["submission.csv"]


def test_fresh_trains_again_to_the_same_bytes(here, run):
    first = run()
    folder = here / "runs" / first.run_id
    before = state(folder)
    second = run(fresh=True)
    after = state(folder)
    assert second.metrics["files"] == first.metrics["files"]
    name = next(path for path in before if path.name == "oof.npy")
    assert after[name][0] == before[name][0]
    assert after[name][1] != before[name][1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fold-1/oof.npy", "oof.npy is missing or damaged; it is made again from the weights."),
        ("fold-2/test.npy", "test.npy is missing or damaged; it is made again from the weights."),
        ("fold-1/history.csv", "history.csv is missing or damaged; it is made again from the we"),
        ("fold-1/model.safetensors", "model.safetensors is missing or damaged; fold 1 is trained"),
        ("fold-1/result.json", "result.json is damaged; it is made again from the weights."),
        ("recipe.toml", "recipe.toml was altered or cut off; it is written again."),
    ],
)
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_what_is_damaged_is_said_and_made_again(here, run, name, said, damage):
    outcome = run()
    path = here / "runs" / outcome.run_id / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    again = run()
    assert said in run.said[0]
    assert again.metrics["files"] == outcome.metrics["files"]
    assert run().metrics == again.metrics


@pytest.mark.parametrize("name", ["metrics.json", "oof.csv", "submission.csv", "run.json"])
def test_damaged_results_are_made_again_without_training(here, run, name, monkeypatch):
    outcome = run()
    path = here / "runs" / outcome.run_id / name
    path.write_bytes(path.read_bytes()[:-10])
    monkeypatch.setattr("digit_recognizer.pipeline.compute.fold_training._fit", None)
    assert run().metrics["files"] == outcome.metrics["files"]


def test_changed_data_are_refused_until_they_are_back(here, run):
    whole = run()
    folder = here / "runs" / whole.run_id
    (folder / "metrics.json").unlink()
    train = here / "data" / "sample" / "train.csv"
    original = train.read_bytes()
    train.write_bytes(original.replace(b",0,", b",1,", 1))
    recipe, data_folder = load_recipe("small.toml"), train.parent

    def submit_from_folder(fresh=False):
        return submit(recipe, load_data(data_folder), data_folder, fresh, lambda sentence: None)

    before = state(folder)
    message = rf"The data in \S+sample changed since run {whole.run_id} began; .* give --fresh"
    with pytest.raises(InputError, match=message):
        submit_from_folder()
    assert state(folder) == before
    train.write_bytes(original)
    assert submit_from_folder().metrics["files"] == whole.metrics["files"]


def test_fresh_starts_over_with_changed_data(here, run):
    whole = run()
    folder = here / "runs" / whole.run_id
    (folder / "metrics.json").unlink()
    train = here / "data" / "sample" / "train.csv"
    train.write_bytes(train.read_bytes().replace(b",0,", b",1,", 1))
    recipe = load_recipe("small.toml")
    data = load_data(train.parent)
    other = submit(recipe, data, train.parent, fresh=True, report=lambda sentence: None)
    assert other.run_id != whole.run_id
    assert not folder.exists()


def test_a_finished_run_does_not_stand_in_the_way_of_changed_data(here, run):
    whole = run()
    train = here / "data" / "sample" / "train.csv"
    train.write_bytes(train.read_bytes().replace(b",0,", b",1,", 1))
    other = submit(
        load_recipe("small.toml"), load_data(train.parent), train.parent, report=lambda s: None
    )
    assert other.run_id != whole.run_id
    assert (here / "runs" / whole.run_id / "metrics.json").is_file()


def test_a_run_in_use_is_refused(here, run):
    outcome = run()
    with (
        locks.locked(here / "runs" / outcome.run_id),
        pytest.raises(OutsideError, match=rf"{outcome.run_id} is in use by process \d+"),
    ):
        run()
    assert run().metrics == outcome.metrics


def test_going_on_tells_how_far_the_run_had_come(here, run):
    outcome = run()
    folder = here / "runs" / outcome.run_id
    for name in ("result.json", "model.safetensors"):
        (folder / "fold-2" / name).unlink()
    again = run()
    assert run.said == ["Going on: 1 of 2 networks finished."]
    assert again.metrics["files"] == outcome.metrics["files"]


def test_the_run_says_where_its_data_are_and_how_many_networks_it_has(here, run):
    outcome = run()
    identity = json.loads((here / "runs" / outcome.run_id / "run.json").read_text())
    assert identity["data_folder"] == str(here / "data" / "sample")
    assert identity["networks"] == 2


def test_other_versions_since_the_run_began_are_told(here, run, monkeypatch):
    outcome = run()
    folder = here / "runs" / outcome.run_id
    (folder / "metrics.json").unlink()
    module = "digit_recognizer.pipeline.runs.run_directory.versions"
    monkeypatch.setattr(module, lambda: {"numpy": "99.0"})
    run()
    assert run.said[0].startswith("Since the run began, numpy ")
    assert " is now 99.0: the bytes may differ" in run.said[0]


def finish(here, said):
    return submit_finished(load_recipe("small.toml"), here / "data" / "sample", said.append)


def test_a_finished_run_is_known_by_the_files_of_its_data(here, run, monkeypatch):
    outcome = run()
    before = state(here / "runs" / outcome.run_id)
    outcome.submission.write_text("another")
    said = []
    assert finish(here, said) == outcome
    assert said[0] == f"Run {outcome.run_id} is finished; --fresh would train it again."
    assert state(here / "runs" / outcome.run_id) == before
    assert sha256(outcome.submission) == outcome.metrics["files"]["submission.csv"]
    assert len(log.read(here / "submissions" / "log.csv")) == 1


@pytest.mark.parametrize(
    "name", ["metrics.json", "run.json", "oof.csv", "fold-1/oof.npy", "fold-2/result.json"]
)
def test_a_damaged_run_is_not_taken_for_finished(here, run, name):
    outcome = run()
    path = here / "runs" / outcome.run_id / name
    path.write_bytes(path.read_bytes()[:-9])
    assert finish(here, []) is None


def test_other_files_are_not_taken_for_those_of_the_run(here, run):
    run()
    train = here / "data" / "sample" / "train.csv"
    train.write_bytes(train.read_bytes().replace(b",0,", b",1,", 1))
    assert finish(here, []) is None
