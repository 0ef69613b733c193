"""Runs of several networks a fold, repeats and views."""

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.sources.source import find_data

RECIPE = """
[model]
learning_rate = "one_cycle"
learning_rate_init = 0.01
max_iter = 2
batch_size = 50
views = {shift = 1}

[cv]
folds = 2
repeats = 2

[ensemble]
seeds = 2
architectures = ["32N-R", "16N-R"]
combine = "weights"

[compute]
jobs = 1
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder and metrics of a run with eight networks a split."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "several.toml").write_text(RECIPE)
        data_folder, _ = find_data(source="sample")
        outcome = submit(load_recipe("several.toml"), load_data(data_folder), data_folder)
    return folder / "runs" / outcome.run_id, outcome.metrics


def test_each_network_has_a_folder_and_all_differ(finished):
    folder, metrics = finished
    arrays = [
        np.load(folder / f"fold-{fold}" / f"network-{network}" / "test.npy")
        for fold in (1, 2, 3, 4)
        for network in (1, 2, 3, 4)
    ]
    assert len({array.tobytes() for array in arrays}) == 16
    assert [(n["fold"], n["network"]) for n in metrics["networks"]] == [
        (fold, network) for fold in (1, 2, 3, 4) for network in (1, 2, 3, 4)
    ]


def test_architectures_come_seed_by_seed(finished):
    folder, _ = finished
    sizes = [
        NumpyNetClassifier.load(folder / "fold-1" / f"network-{n}" / "model").get_params()
        for n in (1, 2, 3, 4)
    ]
    assert [p["architecture"] for p in sizes] == ["32N-R", "32N-R", "16N-R", "16N-R"]
    assert len({p["random_state"] for p in sizes}) == 4


def test_the_ensemble_is_measured_with_how_it_was_combined(finished):
    _, metrics = finished
    ensemble = metrics["ensemble"]
    assert ensemble["oof_accuracies"].keys() == {"mean", "weights"}
    assert metrics["oof_accuracy"] == ensemble["oof_accuracies"][ensemble["combine"]]
    low, high = metrics["oof_accuracy_interval"]
    assert low < metrics["oof_accuracy"] < high
    assert len(metrics["folds"]) == 4


@pytest.mark.parametrize(
    ("ensemble", "message"),
    [
        ("seeds = 0", r"\[ensemble\] seeds is 0; give an integer, 1 or more"),
        ('combine = "vote"', r"\[ensemble\] combine is 'vote'; give 'mean', 'stacking' or 'wei"),
        ('combine = "weights"', "each fold trains one network; raise seeds"),
        ('architectures = "8N-R"', r"architectures is '8N-R'; give a list of strings"),
        ("architectures = [8]", r"architectures is \[8\]; give a list of strings"),
        ('architectures = ["8N-R", "8Q"]', r"\[ensemble\] architectures, element 2: .*8Q"),
        ("seed = 2", r"\[ensemble\] seed is unknown; the nearest valid name is seeds"),
    ],
)
def test_a_mistake_in_the_ensemble_is_named(tmp_path, ensemble, message):
    (tmp_path / "wrong.toml").write_text(f"[ensemble]\n{ensemble}\n")
    with pytest.raises(InputError, match=message):
        load_recipe(tmp_path / "wrong.toml")


def test_architectures_and_an_architecture_are_one_too_many(tmp_path):
    (tmp_path / "wrong.toml").write_text(
        '[model]\narchitecture = "8N-R"\n[ensemble]\narchitectures = ["8N-R"]\n'
    )
    with pytest.raises(
        InputError, match=r"stand in place of \[model\] architecture; leave out one"
    ):
        load_recipe(tmp_path / "wrong.toml")


def test_repeats_must_be_at_least_1(tmp_path):
    (tmp_path / "wrong.toml").write_text("[cv]\nrepeats = 0\n")
    with pytest.raises(InputError, match=r"\[cv\] repeats is 0; give an integer, 1 or more"):
        load_recipe(tmp_path / "wrong.toml")
