import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.competition import Competition
from digit_recognizer.pipeline.data.dataset import Data, has_test_labels, load_data
from digit_recognizer.pipeline.sources.competition_files import competition_files


@st.composite
def contents(draw):
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    competition = Competition(
        slug="small",
        image_height=height,
        image_width=width,
        channels=draw(st.sampled_from([1, 3])),
        classes=draw(st.sampled_from([[0, 1], [-3, 5, 300], ["a b", "é", "01"]])),
        label_column=draw(st.sampled_from(["label", "target class"])),
        pixel_columns=draw(
            st.sampled_from(["pixel{}", "p, {:03}", '"{}', "{row}x{column}.{channel}", "*"])
        ),
        first_pixel=draw(st.integers(0, 2)),
        pixel_order=draw(st.sampled_from(["HWC", "CHW", "WHC", "CWH"])),
        test_id_column=draw(st.sampled_from([None, "id"])),
    )
    classes = Classes.listed(competition)
    parts = []
    for n_rows in (draw(st.integers(1, 5)), draw(st.integers(1, 5))):
        parts.append(draw(arrays(np.uint8, (n_rows, competition.n_pixels))))
        spelled = st.sampled_from([str(value) for value in classes.values])
        parts.append(classes.array(draw(st.lists(spelled, min_size=n_rows, max_size=n_rows))))
    return competition, *parts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=contents(), form=st.sampled_from(["plain", "gz", "zip"]))
def test_written_data_comes_back_in_each_form(content, form, folder, store):
    for path in folder.iterdir():
        path.unlink()
    competition, X_train, y_train, X_test, y_test = content
    store(competition_files(*content), form)
    data = load_data(folder, competition)
    ids = np.arange(1, len(X_test) + 1)
    for array, expected in (
        (data.X_train, X_train),
        (data.y_train, y_train),
        (data.X_test, X_test),
        (data.held_back_labels, y_test),
        (data.test_ids, ids if competition.test_id_column is None else ids.astype(str)),
    ):
        assert array.dtype.kind == expected.dtype.kind
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, expected)


def load(store, folder, small, files, form="plain"):
    store(files, form)
    return load_data(folder, small)


def message(*arguments):
    with pytest.raises(InputError) as caught:
        load(*arguments)
    return str(caught.value)


def test_it_says_what_it_read(store, folder, small, small_files):
    data = load(store, folder, small, small_files)
    assert data.description == "6 training and 4 test images of 2 x 2 pixels from data"


def test_it_names_the_archive_it_read(store, folder, small, small_files):
    data = load(store, folder, small, small_files, "zip")
    assert data.description == "6 training and 4 test images of 2 x 2 pixels from data/small.zip"


def test_without_test_labels_it_is_no_sample(store, folder, small, small_files):
    data = load(store, folder, small, small_files)
    assert data.held_back_labels is None
    assert not data.is_sample
    small_files["test_labels.csv"] = b"ImageId,Label\n1,0\n2,0\n3,0\n4,2\n"
    data = load(store, folder, small, small_files)
    assert data.held_back_labels.tolist() == [0, 0, 0, 2]
    assert data.is_sample


def test_the_sample_submission_may_be_missing(store, folder, small, small_files):
    del small_files["sample_submission.csv"]
    assert load(store, folder, small, small_files).test_ids.tolist() == [1, 2, 3, 4]


IDS_FILE = b"id,pixel0,pixel1,pixel2,pixel3\n00042,0,0,0,0\n-3,0,0,0,1\n"


@pytest.mark.parametrize("rows", [b"00042,0\n-3,0\n", b"-3,0\n00042,0\n"])
def test_ids_are_those_of_the_test_file_in_its_order(store, folder, small, small_files, rows):
    small = dataclasses.replace(small, test_id_column="id")
    small_files["test.csv"] = IDS_FILE
    small_files["sample_submission.csv"] = b"ImageId,Label\n" + rows
    assert load(store, folder, small, small_files).test_ids.tolist() == ["00042", "-3"]


def test_ids_are_those_of_the_sample_submission_where_the_test_file_has_none(
    store, folder, small, small_files
):
    small_files["sample_submission.csv"] = b"ImageId,Label\nd.png,0\nb.png,0\na.png,0\nc,0\n"
    data = load(store, folder, small, small_files)
    assert data.test_ids.tolist() == ["d.png", "b.png", "a.png", "c"]
    small_files["sample_submission.csv"] = b"ImageId,Label\n4,0\n3,0\n2,0\n1,0\n"
    assert load(store, folder, small, small_files).test_ids.tolist() == [1, 2, 3, 4]


def test_a_sample_submission_for_other_images_is_an_error(store, folder, small, small_files):
    small_files["sample_submission.csv"] += b"5,0\n"
    assert message(store, folder, small, small_files) == (
        "data/sample_submission.csv has the id '5', which is not one of the 4 of data/test.csv; "
        "if the test file has a column of ids, give the recipe's [competition] test_id_column, or "
        "download both files again."
    )
    small = dataclasses.replace(small, test_id_column="id")
    small_files["test.csv"] = IDS_FILE
    small_files["sample_submission.csv"] = b"ImageId,Label\n-3,0\n"
    assert message(store, folder, small, small_files) == (
        "data/sample_submission.csv has no id 00042, which data/test.csv has; correct the "
        "recipe's [competition] test_id_column, or download both files again."
    )


def test_labels_in_the_test_file_are_held_back(store, folder, small, small_files):
    small_files["test.csv"] = small_files["train.csv"]
    del small_files["sample_submission.csv"]
    data = load(store, folder, small, small_files)
    assert data.held_back_labels.tolist() == data.y_train.tolist()
    assert data.is_sample
    assert has_test_labels(folder, small)


def test_a_test_label_that_the_training_file_lacks_names_the_key(store, folder, small, small_files):
    small_files["test.csv"] = small_files["train.csv"] + b"-1,0,0,0,0\n"
    competition = dataclasses.replace(small, classes=None)
    assert message(store, folder, competition, small_files) == (
        "data/test.csv, line 8, column label: '-1' is not a class from 0 to 2; correct the row, or "
        'leave the column out with [competition] drop_columns = ["label"].'
    )


def test_a_mistake_is_named_by_file_line_and_column(store, folder, small, small_files):
    small_files["train.csv"] += b"1,2,3,300,4\n"
    for form, name in (
        ("zip", "train.csv in data/small.zip"),
        ("gz", "data/train.csv.gz"),
        ("plain", "data/train.csv"),
    ):
        assert message(store, folder, small, small_files, form) == (
            f"{name}, line 8, column pixel2: '300' is not an integer from 0 to 255; "
            f"correct or remove the row."
        )


def test_a_missing_folder_is_an_error(small):
    with pytest.raises(InputError, match=r"^nowhere does not exist; give the folder"):
        load_data("nowhere", small)


def example(**changes):
    fields = {
        "X_train": np.zeros((2, 4), np.uint8),
        "y_train": np.array([0, 1], np.int16),
        "X_test": np.zeros((3, 4), np.uint8),
        "test_ids": np.arange(1, 4),
        "classes": Classes((0, 1)),
        "description": "",
    }
    return Data(**{**fields, **changes})


def test_the_fingerprint_is_that_of_the_contents():
    same = example(description="elsewhere", held_back_labels=np.zeros(3, np.int16))
    assert same.fingerprint == example().fingerprint
    assert len(same.fingerprint) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"X_train": np.eye(2, 4, dtype=np.uint8)},
        {"X_train": np.zeros((4, 2), np.uint8)},
        {"y_train": np.array([1, 0], np.int16)},
        {"X_test": np.eye(3, 4, dtype=np.uint8)},
        {"X_test": np.zeros((2, 4), np.uint8), "X_train": np.zeros((3, 4), np.uint8)},
        {"test_ids": np.arange(3)},
        {"test_ids": np.array(["a", "b", "c"])},
    ],
)
def test_the_fingerprint_tells_other_contents(changes):
    assert example(**changes).fingerprint != example().fingerprint
