"""Networks that teach those of their fold: what is learned, and what no label may reach."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from digit_recognizer.errors import InputError
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.comparison import compare
from digit_recognizer.pipeline.compute import fold_training
from digit_recognizer.pipeline.compute.fold_training import train_member
from digit_recognizer.pipeline.compute.teaching import at_temperature, lesson, read_teaching
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.ensembles.folds import make_folds
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit, submit_finished
from digit_recognizer.pipeline.run_classifier import load_run
from digit_recognizer.pipeline.runs.catalogue import list_runs
from digit_recognizer.pipeline.runs.members import TEST_FILE, TRAIN_FILE, make_members
from digit_recognizer.pipeline.sources.source import find_data
from digit_recognizer.report.page import write_report
from digit_recognizer.report.parts.run_files import RunFiles

RECIPE = """
[model]
hidden_layer_sizes = [16]
learning_rate = "one_cycle"
learning_rate_init = 0.01
max_iter = 3
batch_size = 64

[cv]
folds = 2
"""
SMALL = "[competition]\nimage_height = 8\nimage_width = 8\n"
TEACH = RECIPE + "\n[teach]\nseeds = 2\nweight = 0.5\nrows = 'all'\n"


def write(folder, text, name="taught"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def members_of(recipe, y, folder):
    folds = make_folds(y, recipe.cv, recipe.networks_per_fold)
    members = make_members(recipe, folds, folder)
    teachers = [member for member in members if member.is_teacher]
    return teachers, members[len(teachers) :]


# --- what is learned ------------------------------------------------------------------------------


def test_each_network_has_the_teachers_of_its_own_fold_which_come_before_it(tmp_path):
    y = np.arange(90) % 9
    recipe = load_recipe(write(tmp_path, TEACH.replace("folds = 2", "folds = 2\nrepeats = 2")))
    teachers, taught = members_of(recipe, y, tmp_path / "run")
    assert recipe.n_networks == len(teachers) + len(taught) == 8 + 4
    for member in taught:
        own = [teacher for teacher in teachers if teacher.fold is member.fold]
        assert list(member.teachers) == own
        assert len(own) == 2
    names = [member.name for member in (*teachers[:2], taught[0])]
    assert names == ["fold 1 teacher 1", "fold 1 teacher 2", "fold 1"]
    assert teachers[2].folder == tmp_path / "run" / "teachers" / "fold-2" / "network-1"
    assert len({m.estimator.random_state for m in (*teachers, *taught)}) == 12
    _, alone = members_of(load_recipe(write(tmp_path, RECIPE, "alone")), y, tmp_path)
    for first, second in zip(alone, taught, strict=False):
        assert first.estimator.get_params() == second.estimator.get_params()
        assert first.folder.name == second.folder.name


def test_teachers_differ_from_the_model_where_the_section_says_so(tmp_path):
    options = "[teach]\narchitectures = ['8N-R', '4N-R']\nmax_iter = 7\nviews = {rotation = 5}\n"
    recipe = load_recipe(write(tmp_path, RECIPE + options))
    teachers, (taught, _) = members_of(recipe, np.arange(40) % 2, tmp_path)
    chosen = [teacher.estimator for teacher in teachers[:2]]
    assert [e.architecture for e in chosen] == ["8N-R", "4N-R"]
    assert {(e.max_iter, str(e.views)) for e in chosen} == {(7, "{'rotation': 5.0}")}
    assert taught.estimator.max_iter == 3
    text = RECIPE.replace("[model]", "[model]\nviews = {shift = 1}")
    recipe = load_recipe(write(tmp_path, text + "[teach]\n"))
    assert recipe.make_teachers()[0].views == {"shift": 1}
    recipe = load_recipe(write(tmp_path, text + "[teach]\nviews = {}\n"))
    assert recipe.make_teachers()[0].views is None


@pytest.mark.parametrize("rows", ["test", "all"])
def test_a_network_learns_its_rows_and_the_test_images(tmp_path, rows):
    X, y = load_digits(n_class=3, return_X_y=True)
    X, y = X.astype(np.uint8), np.array(["a", "b", "c"])[y]
    text = (
        SMALL + RECIPE + f"[teach]\nseeds = 2\nweight = 0.5\nrows = '{rows}'\nlabel_weight = 0.75\n"
    )
    teachers, taught = members_of(load_recipe(write(tmp_path, text)), y, tmp_path)
    member, own, X_test = taught[0], teachers[:2], X[:11]
    for teacher in own:
        train_member(teacher, X, y, X_test)
        assert (teacher.folder / TRAIN_FILE).exists() == (rows == "all")
    teaching = read_teaching(member)
    said = [np.load(teacher.folder / TEST_FILE) for teacher in own]
    np.testing.assert_allclose(teaching[TEST_FILE], np.mean(said, axis=0), atol=1e-6)
    data = lesson(member, X, y, X_test, teaching)
    n = len(member.fold.train_rows)
    assert data["X"].dtype == np.uint8
    np.testing.assert_array_equal(data["X"], np.concatenate([X[member.fold.train_rows], X_test]))
    np.testing.assert_array_equal(data["y"][:n], y[member.fold.train_rows])
    most_probable = np.array(["a", "b", "c"])[teaching[TEST_FILE].argmax(axis=1)]
    np.testing.assert_array_equal(data["y"][n:], most_probable)
    np.testing.assert_array_equal(data["sample_weight"], [1.0] * n + [0.5] * 11)
    np.testing.assert_array_equal(data["targets"][n:], teaching[TEST_FILE])
    labels = (data["y"][:n, np.newaxis] == ["a", "b", "c"]).astype(float)
    if rows == "all":
        labels = 0.75 * labels + 0.25 * teaching[TRAIN_FILE]
    np.testing.assert_allclose(data["targets"][:n], labels, atol=1e-6)


def test_a_temperature_makes_the_teachers_surer_or_less_sure():
    Z = np.random.default_rng(0).standard_normal((5, 4))

    def softmax(Z):
        return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)

    P = softmax(Z)
    assert at_temperature(P, 1) is P
    for temperature in (0.5, 2.0):
        np.testing.assert_allclose(at_temperature(P, temperature), softmax(Z / temperature))
    np.testing.assert_array_equal(at_temperature(P, 0), np.eye(4)[Z.argmax(axis=1)])
    np.testing.assert_allclose(at_temperature(P, 1e-4), np.eye(4)[Z.argmax(axis=1)], atol=1e-9)


# --- honesty --------------------------------------------------------------------------------------

SIGNAL = """
[model]
hidden_layer_sizes = [256]
learning_rate = "one_cycle"
learning_rate_init = 0.01
max_iter = 100
batch_size = 64

[cv]
folds = 3

[teach]
rows = "all"
"""


def test_labels_that_a_fold_holds_out_do_not_reach_it(tmp_path):
    """Its validation rows have random labels, and stand among the test images too.

    The networks of the other folds know these labels by heart, and would give them away.
    """
    X, y = load_digits(return_X_y=True)
    X, y = (X[:450] * 15).astype(np.uint8), y[:450]
    teachers, (taught, *_) = members_of(load_recipe(write(tmp_path, SMALL + SIGNAL)), y, tmp_path)
    hidden = taught.fold.validation_rows
    y[hidden] = np.random.default_rng(0).integers(10, size=len(hidden))
    for teacher in teachers:
        train_member(teacher, X, y, X[hidden])
    honest = train_member(taught, X, y, X[hidden])
    # Three standard deviations above chance.
    assert honest["accuracy"] < 0.1 + 3 * np.sqrt(0.09 / len(hidden))
    leaky = replace(taught, teachers=tuple(teachers), folder=tmp_path / "leaky")
    assert train_member(leaky, X, y, X[hidden])["accuracy"] > 0.5


# --- a run ----------------------------------------------------------------------------------------


class Runs:
    """Starts the same run again and again in the current folder."""

    def __init__(self):
        self.said = []

    def __call__(self, recipe="taught.toml", **compute):
        recipe = load_recipe(recipe, {"compute": {"jobs": 1} | compute})
        folder, _ = find_data(source="sample")
        self.said = []
        return submit(recipe, load_data(folder), folder, report=self.said.append)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder in which a taught run and one without teachers are finished, and the taught."""
    here = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        write(here, TEACH)
        write(here, RECIPE, "alone")
        Runs()("alone.toml")
        return here, Runs()()


@pytest.fixture
def there(finished, monkeypatch):
    here, outcome = finished
    monkeypatch.chdir(here)
    return here / "runs" / outcome.run_id, outcome


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, TEACH)
    return tmp_path


def test_results_are_those_of_the_taught_and_the_teachers_are_told_beside_them(there):
    path, outcome = there
    metrics = outcome.metrics
    assert [(n["fold"], n["network"]) for n in metrics["networks"]] == [(1, 1), (2, 1)]
    of_folds = [network["accuracy"] for network in metrics["networks"]]
    assert metrics["oof_accuracy"] == pytest.approx(np.mean(of_folds), abs=1e-3)
    teachers = metrics["teachers"]
    assert len(teachers["networks"]) == 4
    assert 0 < teachers["oof_accuracy"] < 1
    assert json.loads((path / "run.json").read_text())["networks"] == 6
    assert len(load_run(path).networks_) == 2


def test_commands_take_the_taught_run_as_any_other(there):
    path, outcome = there
    run = next(run for run in list_runs() if run.path.name == outcome.run_id)
    assert (run.state, run.n_finished, run.n_networks) == ("finished", 6, 6)
    data = path.parents[1] / "data" / "sample"
    assert submit_finished(load_recipe("taught.toml"), data, lambda sentence: None) == outcome
    assert compare("taught", "alone", path.parent)


def test_the_report_lists_the_teachers_and_shows_them_until_they_have_taught(there, tmp_path):
    path, _ = there
    files = RunFiles(path)
    assert [member.name for member in files.members] == ["fold 1", "fold 2"]
    assert [teacher.name for teacher in files.teachers][:2] == [
        "fold 1, teacher 1",
        "fold 1, teacher 2",
    ]
    text = write_report(path).read_text()
    assert "fold 2, teacher 2</th>" in text
    assert "4, OOF accuracy" in text
    begun = tmp_path / "begun"
    shutil.copytree(path, begun, ignore=lambda folder, names: {"fold-1", "fold-2", "metrics.json"})
    shutil.copytree(path / "teachers", begun / "teachers", dirs_exist_ok=True)
    assert "of 4 networks by epoch" in write_report(begun).read_text()


def test_networks_that_wait_for_their_teachers_have_the_same_bytes(here, finished):
    assert Runs()(jobs=3).metrics["files"] == finished[1].metrics["files"]


@pytest.mark.parametrize("stop_at", [5, 14])
def test_a_run_that_was_stopped_anywhere_goes_on_to_the_same_bytes(
    here, finished, stop_at, monkeypatch
):
    calls = []
    save = fold_training.Checkpoints.save

    def save_and_stop(checkpoints, state, epoch):
        save(checkpoints, state, epoch)
        calls.append(epoch)
        if len(calls) == stop_at:
            raise KeyboardInterrupt

    monkeypatch.setattr(fold_training.Checkpoints, "save", save_and_stop)
    run = Runs()
    with pytest.raises(KeyboardInterrupt):
        run()
    assert run().metrics["files"] == finished[1].metrics["files"]
    assert run.said[0].startswith("Going on: ")


@pytest.mark.parametrize("name", ["train.npy", "model.safetensors"])
def test_a_teacher_that_is_damaged_is_made_again(here, name):
    run = Runs()
    outcome = run()
    path = here / "runs" / outcome.run_id
    teacher, before = path / "teachers" / "fold-1" / "network-2", sha256(path / "fold-1/oof.npy")
    (teacher / name).write_bytes((teacher / name).read_bytes()[:-9])
    (path / "fold-1" / "result.json").unlink()
    (path / "fold-1" / "model.safetensors").unlink()
    assert run().metrics["files"] == outcome.metrics["files"]
    assert f"{teacher / name} is" in run.said[0]
    assert sha256(path / "fold-1/oof.npy") == before


# --- recipes --------------------------------------------------------------------------------------


def test_the_section_makes_another_run_and_its_absence_none(tmp_path):
    alone = load_recipe(write(tmp_path, RECIPE))
    assert "teach" not in alone.resolved()
    prints = {alone.fingerprint()}
    for keys in (
        "",
        "seeds = 2",
        "weight = 0.5",
        "rows = 'all'",
        "max_iter = 3",
        "temperature = 0",
    ):
        recipe = load_recipe(write(tmp_path, f"{RECIPE}[teach]\n{keys}\n"))
        again = load_recipe(write(tmp_path, recipe.to_toml(), "resolved"))
        assert again.fingerprint() == recipe.fingerprint()
        prints.add(recipe.fingerprint())
    assert len(prints) == 7


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("seed = 2", r"\[teach\] seed is unknown; the nearest valid name is seeds"),
        ("seeds = 0", r"\[teach\] seeds is 0; give an integer, 1 or more"),
        ("weight = 0", r"\[teach\] weight is 0; give a number, above 0, 100 or less"),
        ("rows = 'train'", r"\[teach\] rows is 'train'; give 'all' or 'test'"),
        ("label_weight = 2", r"\[teach\] label_weight is 2; give a number, 0 or more, 1 or less"),
        ("max_iter = 0", r"\[teach\] max_iter is 0; give an integer, 1 or more"),
        ("architectures = ['8N-R', '8Q']", r"\[teach\] architectures, element 2: .*8Q"),
        ("views = {turn = 3}", r"\[teach\] .*turn"),
        ("views = 3", r"\[teach\] views is 3; give a table"),
    ],
)
def test_a_mistake_in_the_section_is_named(tmp_path, keys, message):
    with pytest.raises(InputError, match=message):
        load_recipe(write(tmp_path, f"{RECIPE}[teach]\n{keys}\n"))


def test_a_section_that_is_none_is_told_the_nearest(tmp_path):
    with pytest.raises(
        InputError, match=r"\[teacher\] is unknown; the nearest valid name is teach"
    ):
        load_recipe(write(tmp_path, "[teacher]\n"))
