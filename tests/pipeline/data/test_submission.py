import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.competition import Competition
from digit_recognizer.pipeline.data.data_file import DataFile
from digit_recognizer.pipeline.data.submission import (
    read_sample_submission,
    read_submission,
    write_submission,
)

GOOD = "ImageId,Label\n1,0\n2,2\n3,1\n"
ONCE = "; each test image must be there once."
CLASSES = Classes((0, 1, 2))


def message(function, *arguments):
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.fixture
def read(folder, small):
    """A function that reads a text as a submission for the ids 1 to 3, or for others."""

    def read_text(text, ids=(1, 2, 3), classes=CLASSES):
        path = folder / "submission.csv"
        path.write_bytes(text.encode())
        return read_submission(DataFile(path), small, classes, ids).tolist()

    return read_text


def test_it_is_written_as_kaggle_wants_it(folder, small):
    path = folder / "submission.csv"
    write_submission(path, np.array([1, 2, 3]), np.array([0, 2, 1], np.int16), small, CLASSES)
    assert path.read_bytes() == GOOD.encode()


def test_names_ids_and_classes_are_those_of_the_competition(folder):
    competition = Competition(id_column="id", prediction_column="label", test_id_column="id")
    path = folder / "submission.csv"
    ids, classes = ["00042", "-7", "a,b"], Classes(("cat", "dog", 'a "dog"'))
    write_submission(path, ids, ["dog", "cat", 'a "dog"'], competition, classes)
    assert path.read_text() == 'id,label\n00042,dog\n-7,cat\n"a,b","a ""dog"""\n'


def test_lists_arrays_and_series_give_the_same_bytes(folder, small):
    for number, kind in enumerate((list, np.array, pd.Series)):
        path = folder / f"{number}.csv"
        write_submission(path, kind([1, 2, 3]), kind([0, 2, 1]), small, CLASSES)
        assert path.read_text() == GOOD


@pytest.mark.parametrize(
    ("ids", "labels", "text"),
    [
        (
            [1, 2],
            [0, 3],
            "line 3, column Label: '3' is not a class from 0 to 2; give each test image one class",
        ),
        ([1, 2], [0, None], "line 3, column Label: the value is missing; correct or remove"),
        ([1, 1], [0, 1], "line 3, column ImageId: the id 1 is already in line 2; correct or"),
    ],
)
def test_nothing_is_written_if_it_is_not_valid(ids, labels, text, folder, small):
    path = folder / "submission.csv"
    path.write_text("older")
    assert f"data/submission.csv, {text}" in message(
        write_submission, path, ids, labels, small, CLASSES
    )
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [
        ("submission.csv", "older")
    ]


def test_ids_and_labels_must_be_as_many(folder, small):
    with pytest.raises(ValueError, match="shorter"):
        write_submission(folder / "a.csv", [1, 2], [0], small, CLASSES)


@pytest.mark.parametrize("ids", [(1, 2, 3), ("1", "2", "3")])
def test_rows_are_matched_by_id_in_whatever_order(read, ids):
    assert read(GOOD, ids) == [0, 2, 1]
    assert read(GOOD.replace("\n", "\r\n"), ids) == [0, 2, 1]
    assert read("ImageId,Label\n3,1\n1,0\n2,2\n", ids) == [0, 2, 1]


def test_ids_are_matched_as_they_are_spelled(read):
    assert read("ImageId,Label\n42,1\n00042,0\n", ["00042", "42"]) == [0, 1]


@pytest.mark.parametrize("header", ["ImageId", "ImageId,Label,x"])
def test_another_header_is_named(header, read):
    assert message(read, GOOD.replace("ImageId,Label", header)) == (
        f"data/submission.csv, line 1: the header is '{header}'; it must be ImageId,Label."
    )


def test_another_header_of_two_names_the_keys(read):
    assert message(read, GOOD.replace("ImageId,Label", "id,label")) == (
        "data/submission.csv, line 1: the header is 'id,label'; it must be ImageId,Label, or the "
        'recipe\'s [competition] needs id_column = "id", prediction_column = "label".'
    )


def test_an_empty_file_has_no_header(read):
    assert message(read, "") == (
        "data/submission.csv, line 1: the header is ''; it must be ImageId,Label."
    )


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("2", "line 3: 1 value where the header has 2; correct or remove the row."),
        ("2,2,2", "line 3: 3 values where the header has 2; correct or remove the row."),
        (",2", "line 3, column ImageId: the value is missing; correct or remove the row."),
        ("2,", "line 3, column Label: the value is missing; correct or remove the row."),
        (
            "2,x",
            "line 3, column Label: 'x' is not a class from 0 to 2; give each test image one class.",
        ),
        (
            "2,-1",
            "line 3, column Label: '-1' is not a class from 0 to 2; give each test image",
        ),
        ("1,2", "line 3, column ImageId: the id 1 is already in line 2; correct or remove"),
        (
            "x,2",
            "line 3, column ImageId: 'x' is not the id of a test image (those are 1 to 3)" + ONCE,
        ),
        (
            "02,2",
            "line 3, column ImageId: '02' is not the id of a test image (those are 1 to 3)" + ONCE,
        ),
    ],
)
def test_a_wrong_row_is_named(row, text, read):
    assert message(read, GOOD.replace("2,2", row)).startswith(f"data/submission.csv, {text}")


def test_missing_rows_are_counted(read):
    assert message(read, GOOD.replace("2,2\n", "")) == (
        "data/submission.csv has no row for 1 of 3 test images, first that of id 2" + ONCE
    )
    assert message(read, "ImageId,Label\n") == (
        "data/submission.csv has no row for 3 of 3 test images, first that of id 1" + ONCE
    )


def test_a_web_page_is_called_one(read):
    assert message(read, "<!DOCTYPE html>\n<html>\n") == (
        "data/submission.csv is a web page; download it again, logged in to Kaggle."
    )


def test_a_missing_file_is_named(folder, small):
    file = DataFile(folder / "submission.csv")
    assert message(read_submission, file, small, CLASSES, [1]).startswith(
        "data/submission.csv cannot be read (No such file or directory)"
    )


def test_a_sample_submission_may_have_any_labels(folder, small):
    path = folder / "sample_submission.csv"
    path.write_text("ImageId,Label\n1,\n02,cat\n")
    assert read_sample_submission(DataFile(path), small) == ["1", "02"]
    path.write_text("ImageId,Label\n")
    assert message(read_sample_submission, DataFile(path), small) == (
        "data/sample_submission.csv has a header but no rows" + ONCE
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_what_is_written_is_read_back(labels, folder, small):
    ids = list(range(1, len(labels) + 1))
    write_submission(folder / "submission.csv", ids, labels, small, CLASSES)
    result = read_submission(DataFile(folder / "submission.csv"), small, CLASSES, ids)
    assert result.tolist() == labels
