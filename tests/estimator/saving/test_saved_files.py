"""Names, folders and permissions of saved estimators, and what is not saved."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from digit_recognizer import NumpyNetClassifier, nn
from digit_recognizer.estimator.saving import documents

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:scoring=.* has no effect:UserWarning"),
]
OPTIONS = {"max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    """A fitted classifier."""
    X, y = load_iris(return_X_y=True)
    return NumpyNetClassifier((4,), **OPTIONS).fit(X, y)


def saved(model, folder):
    """The model, saved and loaded."""
    model.save(folder / "model.safetensors")
    return type(model).load(folder / "model.safetensors")


def assert_equal(actual, expected, X):
    for method in ("predict", "predict_proba"):
        if hasattr(expected, method):
            mine, other = getattr(actual, method)(X), getattr(expected, method)(X)
            assert mine.dtype == other.dtype
            np.testing.assert_array_equal(mine, other)
    for mine, other in zip(
        actual.coefs_ + actual.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["model", "model.safetensors"])
@pytest.mark.parametrize("kind", [str, Path])
def test_the_suffix_may_be_left_out(fitted, name, kind, tmp_path):
    fitted.save(kind(tmp_path / name))
    assert names(tmp_path) == ["model.safetensors"]
    for path in ("model", "model.safetensors"):
        NumpyNetClassifier.load(kind(tmp_path / path))


@pytest.mark.parametrize("name", ["net-v1.5", "model.json", ".hidden", "größe [1] *?", "~root"])
def test_any_name_is_kept_and_gets_the_suffix(fitted, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fitted.save(name)
    fitted.save(name)
    assert names(tmp_path) == [f"{name}.safetensors"]
    NumpyNetClassifier.load(name)


def test_a_tilde_is_the_folder_of_the_user(fitted, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    fitted.save("~/models/net")
    assert (tmp_path / "models" / "net.safetensors").is_file()
    NumpyNetClassifier.load(Path("~/models/net"))


@pytest.mark.parametrize("path", ["", ".", "..", "~", "models/", "models/.."])
def test_a_path_without_a_name_asks_for_one(fitted, path, folder):
    for use in (fitted.save, NumpyNetClassifier.load):
        with pytest.raises(ValueError, match="names a folder; add the name of a file"):
            use(path)
    assert names(folder.parent) == ["data"]


def test_a_folder_of_the_name_stays_beside_the_file(fitted, tmp_path):
    (tmp_path / "model").mkdir()
    fitted.save(tmp_path / "model")
    assert names(tmp_path) == ["model", "model.safetensors"]


def test_a_link_stays_and_the_file_behind_it_is_replaced(fitted, tmp_path):
    (tmp_path / "big").mkdir()
    (tmp_path / "model.safetensors").symlink_to("big/net.bin")
    for _ in range(2):
        fitted.save(tmp_path / "model")
        assert (tmp_path / "model.safetensors").is_symlink()
        assert names(tmp_path / "big") == ["net.bin"]
        NumpyNetClassifier.load(tmp_path / "model")


def test_who_may_read_the_file_is_as_of_any_new_file(fitted, tmp_path):
    before = os.umask(0o027)
    try:
        fitted.save(tmp_path / "model")
    finally:
        os.umask(before)
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("missing", FileNotFoundError, "No such file or directory; check its name and permissions"),
        ("taken", IsADirectoryError, "Is a directory; check its name and permissions"),
        ("file/model", NotADirectoryError, "Not a directory; check its name and permissions"),
    ],
)
def test_what_cannot_be_read_is_the_systems_error_with_the_place(path, kind, sentence, folder):
    (folder / "file").touch()
    (folder / "taken.safetensors").mkdir()
    with pytest.raises(kind) as caught:
        NumpyNetClassifier.load(folder / path)
    assert f"{sentence}: 'data/{path}.safetensors'" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("taken", IsADirectoryError, "Is a directory; remove the folder of that name"),
        ("file/model", FileExistsError, "File exists; remove the file that stands where a folder"),
        ("x" * 300, OSError, "File name too long; choose a shorter name"),
    ],
)
def test_what_cannot_be_written_is_the_systems_error_with_a_remedy(
    fitted, path, kind, sentence, folder
):
    (folder / "file").touch()
    (folder / "taken.safetensors").mkdir()
    with pytest.raises(kind) as caught:
        fitted.save(folder / path)
    assert sentence in str(caught.value)
    assert f"'data/{path}.safetensors'" in str(caught.value)
    assert names(folder) == ["file", "taken.safetensors"]


def test_folders_are_made_and_old_files_replaced(both, tmp_path):
    make, X, y = both
    path = tmp_path / "new" / "folder" / "model"
    make(**OPTIONS).fit(X, y).save(path)
    model = make(hidden_layer_sizes=(3,), **OPTIONS).fit(X, y)
    model.save(path)
    assert_equal(make.load(path), model, X)
    assert names(path.parent) == ["model.safetensors"]


def function(X):
    return np.tanh(X)


def derivative(X):
    return 1 - np.tanh(X) ** 2


def scorer(estimator, X, y):
    return 0.0


class Doubled(nn.ReLU):
    """A user's own layer."""


class Splitter:
    def split(self, X, y):
        yield np.arange(len(X) // 2), np.arange(len(X) // 2, len(X))

    def get_n_splits(self):
        return 1


@pytest.mark.parametrize(
    "options",
    [
        {"activation": (function, derivative)},
        {"activation": [(function, derivative)]},
        {"scoring": scorer, "early_stopping": True},
        {"architecture": [nn.Dense(4), Doubled()]},
        {"architecture": [nn.Dense(4), nn.CustomActivation(function, derivative)]},
        {"architecture": [nn.Dense(4, initializer=lambda generator, shape, **fans: 0.1)]},
        {"validation_fraction": Splitter(), "early_stopping": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_only_pickle_could_hold_is_refused_by_name_and_leaves_no_file(both, options, tmp_path):
    make, X, y = both
    model = make(**options, **OPTIONS).fit(X, y)
    (name, *_) = options
    with pytest.raises(ValueError, match=f"Parameter {name}: .*cannot be saved without pickle"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_an_estimator_that_is_not_fitted_is_not_saved(both, tmp_path):
    make, _, _ = both
    with pytest.raises(NotFittedError):
        make().save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


# --- what is large or strange --------------------------------------------------------------------


def test_many_classes_and_features_with_letters_of_all_kinds_come_back(tmp_path):
    rng = np.random.default_rng(0)
    columns = [f'größe {i} 漢字 "quoted" \\ \n \ud800' for i in range(2000)]
    frame = pd.DataFrame(rng.random((600, 2000)), columns=pd.Index(columns, dtype=object))
    labels = np.array([f"класс {i}" for i in range(600)], dtype=object)
    model = NumpyNetClassifier((2,), max_iter=1, random_state=0).fit(frame, labels)
    loaded = saved(model, tmp_path)
    assert list(loaded.feature_names_in_) == columns
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))


def test_a_description_that_safetensors_would_not_read_is_refused(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path / "model")
    before = (tmp_path / "model.safetensors").read_bytes()
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 300)
    with pytest.raises(ValueError, match=r"takes 0 MB.*; shorten the names of features"):
        fitted.save(tmp_path / "model")
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_the_largest_description_is_read(monkeypatch):
    text = '"' * (documents.MAX_CHARACTERS - 200)
    content = safetensors.numpy.save({"a": np.zeros(1)}, metadata={"estimator": text})
    safetensors.numpy.load(content)
