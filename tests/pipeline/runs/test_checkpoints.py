"""Checkpoints on the disk: replaced, damaged, unwritable."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from checkpoint_files import latest, name_of, names, state_of
from digit_recognizer import NumpyNetClassifier, files
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints


def test_there_is_none_before_the_first(folder):
    assert latest(Checkpoints(folder)) == (None, [])
    assert latest(Checkpoints(folder / "not" / "there")) == (None, [])
    assert names(folder) == []


def test_the_first_makes_the_folder(folder):
    checkpoints = Checkpoints(folder / "fold-1")
    checkpoints.save(state_of(1), 1)
    assert names(folder / "fold-1") == [name_of(1)]
    assert latest(checkpoints) == (1, [])


def test_the_name_is_made_of_the_epoch_and_of_the_content(checkpoints, saved):
    path = saved(7)
    assert names(checkpoints.folder) == [path.name]
    assert path.name.startswith("epoch-0007-")
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(path.stem.split("-")[2])


def test_the_last_two_are_kept(checkpoints, saved):
    saved(1, 2, 3, 4)
    assert names(checkpoints.folder) == [name_of(3), name_of(4)]
    assert latest(checkpoints) == (4, [])


def test_a_state_of_an_estimator_comes_back(checkpoints):
    X = np.random.default_rng(0).standard_normal((40, 3))
    make = lambda: NumpyNetClassifier((4,), max_iter=4, random_state=0, learning_rate="cosine")  # noqa: E731
    whole, resumed = make(), make()
    for record in whole.fit_epochs(X, X[:, 0] > 0):
        if record["epoch"] <= 2:
            checkpoints.save(whole.training_state(), record["epoch"])
    list(resumed.fit_epochs(X, X[:, 0] > 0, state=checkpoints.latest(report=pytest.fail)))
    np.testing.assert_array_equal(resumed.coefs_[0], whole.coefs_[0])


def test_the_order_is_that_of_the_epochs_not_of_time_or_letters(checkpoints, saved):
    saved(9999, 10000)
    assert latest(checkpoints) == (10000, [])
    saved(8, 9)
    os.utime(checkpoints.folder / name_of(8), (2e9, 2e9))
    os.utime(checkpoints.folder / name_of(9), (1, 1))
    assert latest(checkpoints) == (9, [])


def test_a_training_that_began_again_leaves_nothing_of_the_last(checkpoints, saved):
    saved(8, 9, 3)
    assert names(checkpoints.folder) == [name_of(3)]
    checkpoints.save(state_of(4), 4)
    assert names(checkpoints.folder) == [name_of(3), name_of(4)]


def test_another_state_of_the_same_epoch_takes_the_place_of_the_first(checkpoints, saved):
    saved(1, 2)
    checkpoints.save(state_of(5), 2)
    assert len(names(checkpoints.folder)) == 2
    assert latest(checkpoints) == (5, [])


def test_saving_the_same_twice_keeps_the_one_before(checkpoints, saved):
    saved(1, 2, 2)
    assert names(checkpoints.folder) == [name_of(1), name_of(2)]


def test_clear_removes_checkpoints_and_nothing_else(checkpoints, saved):
    saved(1, 2)
    for name in ("history.csv", "epoch-1.safetensors", "epoch-0001-xyz.safetensors"):
        (checkpoints.folder / name).touch()
    checkpoints.clear()
    assert names(checkpoints.folder) == [
        "epoch-0001-xyz.safetensors",
        "epoch-1.safetensors",
        "history.csv",
    ]
    checkpoints.clear()
    assert latest(checkpoints) == (None, [])


def test_other_files_are_left_alone(checkpoints, saved):
    (checkpoints.folder / "oof.npy").touch()
    saved(1, 2, 3)
    assert latest(checkpoints) == (3, [])
    assert names(checkpoints.folder) == [name_of(2), name_of(3), "oof.npy"]


@pytest.mark.parametrize("act", [latest, Checkpoints.clear])
def test_what_a_killed_writing_left_is_removed(checkpoints, saved, act):
    path = saved(1)
    (path.parent / f".{path.name}.0123abcd.tmp").write_bytes(b"half")
    (path.parent / ".history.csv.0123abcd.tmp").write_bytes(b"of somebody else")
    act(checkpoints)
    assert [name for name in names(path.parent) if "tmp" in name] == [".history.csv.0123abcd.tmp"]


def test_file_and_folder_are_brought_to_the_disk_in_order(checkpoints, saved, monkeypatch):
    saved(1, 2)
    fsync, events = os.fsync, []

    def watched(descriptor):
        target = Path(f"/proc/self/fd/{descriptor}").resolve()
        events.append((target.is_dir(), len(list(checkpoints.folder.glob("epoch-*")))))
        fsync(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    monkeypatch.setattr(files.os, "fsync", watched)
    checkpoints.save(state_of(3), 3)
    # The file before its renaming; the folder after it, while the older ones are still there.
    assert events == [(False, 2), (True, 3)]
    assert names(checkpoints.folder) == [name_of(2), name_of(3)]
