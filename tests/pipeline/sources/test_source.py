from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.pipeline.data.archive import holds_something
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER, Competition
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.sources import openml, sample
from digit_recognizer.pipeline.sources.source import find_data

NO_UPLOAD = "a submission for it cannot be uploaded to Kaggle."


def find(*arguments, **keywords):
    return find_data(*arguments, **{"kaggle_input": Path("kaggle"), **keywords})


def message(*arguments, error=InputError, **keywords):
    with pytest.raises(error) as caught:
        find(*arguments, **keywords)
    return str(caught.value)


@pytest.mark.parametrize("form", ["plain", "gz", "zip"])
@pytest.mark.parametrize("named", [True, False])
def test_the_folders_own_files_go_first(form, named, store, folder, small, small_files):
    store(small_files, form)
    (folder.parent / "kaggle/small").mkdir(parents=True)
    place = "data/small.zip" if form == "zip" else "data"
    assert find(folder if named else None, competition=small) == (
        Path("data"),
        f"Data: the competition's files in {place}.",
    )


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_one_of_the_files_stands_for_its_folder(name, store, folder, small, small_files):
    store(small_files)
    assert find(folder / name, competition=small)[0] == folder


def test_a_zip_archive_stands_for_its_folder(store, folder, small, small_files):
    store(small_files, "zip")
    archive = folder.joinpath("small.zip").rename(folder / "download.zip")
    found, text = find(archive, competition=small)
    assert (found, text) == (archive, "Data: the competition's files in data/download.zip.")
    assert len(load_data(found, small).X_train) == 6


def test_what_cannot_be_used_is_named_and_no_sample_is_made(store, folder):
    store({"digits.parquet": b"", "README.md": b""})
    assert message() == (
        "data lacks train.csv (it holds 'digits.parquet'); put the competition's files there, or "
        "give their folder or zip archive with --data."
    )
    assert {path.name for path in folder.iterdir()} == {"digits.parquet", "README.md"}


def test_readme_and_hidden_files_are_no_data(store, folder):
    store({"README.md": b"", ".DS_Store": b""})
    assert find()[0] == Path("data/sample")
    assert find()[0] == Path("data/sample")


@pytest.mark.parametrize("place", ["kaggle/small", "kaggle/competitions/small"])
def test_then_comes_the_input_of_a_kaggle_notebook(place, store, folder, small, small_files):
    store(small_files)
    Path(place).parent.mkdir(parents=True)
    folder.rename(place)
    assert find(competition=small) == (Path(place), f"Data: the competition's files in {place}.")


def test_then_comes_the_sample(folder):
    found, text = find()
    assert (found, text) == (
        Path("data/sample"),
        f"Data: the embedded sample in data/sample; {NO_UPLOAD}",
    )
    assert load_data(found).is_sample


def test_western_digits_do_not_stand_in_for_another_competition(folder):
    kannada = Competition(slug="Kannada-MNIST")
    assert message(competition=kannada) == (
        "data has no files of Kannada-MNIST; download them from "
        "https://www.kaggle.com/competitions/Kannada-MNIST into it, give their folder with --data, "
        "or try the recipe on scikit-learn's digits with --source sample."
    )
    assert find(competition=kannada, source="sample")[0] == Path("data/sample")


@pytest.mark.parametrize("source", ["sample", "openml"])
def test_files_of_another_layout_have_a_folder_of_their_own(folder, source, monkeypatch):
    monkeypatch.setattr(openml, "_fetch", lambda: sample.sample_arrays(DIGIT_RECOGNIZER)[:2])
    layouts = [
        DIGIT_RECOGNIZER,
        replace(DIGIT_RECOGNIZER, label_column="digit"),
        replace(DIGIT_RECOGNIZER, pixel_order="WHC"),
    ]
    folders = [find(competition=competition, source=source)[0] for competition in layouts]
    assert len(set(folders)) == 3
    for there, competition in zip(folders, layouts, strict=True):
        assert load_data(there, competition).is_sample
        assert find(competition=competition, source=source)[0] == there
    assert not holds_something(Path("data"))


def test_a_data_set_is_not_looked_for_among_competitions(folder):
    fashion = Competition(slug="zalando-research/fashionmnist")
    address = "https://www.kaggle.com/datasets/zalando-research/fashionmnist"
    assert f"download them from {address} into it" in message(competition=fashion)
    assert message(competition=fashion, source="kaggle") == (
        "zalando-research/fashionmnist is a data set on Kaggle, not a competition, and data has "
        f"not all of its files; download them from {address} into it."
    )


def test_the_folder_data_need_not_exist_for_the_sample(folder):
    folder.rmdir()
    assert find()[0] == Path("data/sample")


def test_the_sample_is_the_same_the_second_time(folder):
    assert find() == find()


def test_the_sample_can_be_asked_for(store, folder, small_files):
    store(small_files)
    assert find(source="sample")[0] == Path("data/sample")
    assert find("elsewhere", source="sample")[0] == Path("elsewhere/sample")


def test_a_named_folder_with_test_labels_is_told_to_have_them(folder):
    find()
    assert find("data/sample") == (
        Path("data/sample"),
        f"Data: images with test labels in data/sample; {NO_UPLOAD}",
    )


def test_a_named_folder_that_does_not_exist_is_an_error(folder):
    assert message("nowhere") == (
        "nowhere does not exist; give the folder that holds the competition's files."
    )
    assert not Path("nowhere").exists()


def test_a_named_folder_without_files_is_an_error_even_if_it_is_the_usual_one(folder):
    assert message("data") == (
        "data lacks train.csv (it holds nothing); put the competition's files there, or give "
        "their folder or zip archive with --data."
    )
    assert not list(folder.iterdir())


def test_half_of_the_files_is_an_error(store, folder, small, small_files):
    store({"train.csv": small_files["train.csv"]})
    text = (
        "data lacks test.csv (it holds 'train.csv'); put the competition's files there, or give "
        "their folder or zip archive with --data."
    )
    assert message(competition=small) == text
    assert message(folder, competition=small) == text


def test_an_archive_of_something_else_is_an_error(store, folder, small):
    store({"cats.csv": b""}, "zip")
    assert message(competition=small).startswith(
        "data/small.zip lacks train.csv (it holds 'cats.csv'); put the competition's files there"
    )


def test_an_unknown_source_is_an_error(folder):
    assert message(source="oracle") == (
        "--source 'oracle' is not known; give kaggle, sample or openml."
    )


def test_a_sample_that_cannot_be_written_is_an_error(folder):
    (folder / "sample").write_text("in the way")
    assert message() == (
        "data/sample/train.csv cannot be written (File exists); remove the file that stands where "
        "a folder should be, or choose another folder."
    )


@pytest.fixture
def fetched(monkeypatch):
    """Stands for OpenML: 100 images in the layout of mnist_784; lists what was asked for."""
    requests = []

    def fetch(name, *, version, return_X_y, as_frame):
        requests.append((name, version, return_X_y, as_frame))
        X = np.random.default_rng(0).integers(0, 256, (100, 784)).astype(np.int64)
        return X, np.array([str(number % 10) for number in range(100)], dtype=object)

    monkeypatch.setattr(openml, "fetch_openml", fetch)
    return requests


def test_openml_is_written_in_the_competitions_layout(fetched, folder):
    found, text = find(source="openml")
    assert (found, text) == (
        Path("data/openml"),
        f"Data: OpenML's MNIST in data/openml; {NO_UPLOAD}",
    )
    assert fetched == [("mnist_784", 1, True, False)]
    data = load_data(found)
    assert data.X_train.shape == (60, 784)
    assert data.X_test.shape == (40, 784)
    assert np.bincount(data.y_train).tolist() == [6] * 10
    assert np.bincount(data.held_back_labels).tolist() == [4] * 10
    assert data.is_sample


def test_openml_is_asked_once(fetched, folder):
    find(source="openml")
    find(source="openml")
    assert len(fetched) == 1


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_failed_download_is_a_failure_outside(error, folder, monkeypatch):
    def fail(*arguments, **keywords):
        raise error("no network")

    monkeypatch.setattr(openml, "fetch_openml", fail)
    assert message(source="openml", error=OutsideError) == (
        "MNIST could not be downloaded from OpenML (no network); try again later or put the "
        "competition's files into a folder and give it with --data."
    )
    assert not list(folder.iterdir())


def test_openml_has_no_images_of_another_size(folder):
    assert message(source="openml", competition=Competition(image_height=14)) == (
        "OpenML's MNIST has gray images of 28 x 28 pixels, [competition] has other ones; give the "
        "folder of the competition's files with --data."
    )


def test_digit_recognizer_is_the_usual_competition(folder):
    assert find(competition=DIGIT_RECOGNIZER) == find()
