import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.archive import DataFile
from digit_recognizer.pipeline.competition import Competition
from digit_recognizer.pipeline.submission import (
    check_submission,
    read_sample_submission,
    read_submission,
    write_submission,
)

GOOD = "ImageId,Label\n1,0\n2,2\n3,1\n"
OTHER_IDS = "; the ids must be those of the test images, in their order."


def message(function, *arguments):
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.fixture
def check(folder, small):
    """A function that checks a text as a file; ids 1 to 3 are expected, or others."""

    def check_text(text, ids=(1, 2, 3)):
        path = folder / "submission.csv"
        path.write_bytes(text.encode())
        check_submission(path, small, ids)

    return check_text


def test_it_is_written_as_kaggle_wants_it(folder, small):
    path = folder / "submission.csv"
    write_submission(path, np.array([1, 2, 3]), np.array([0, 2, 1], np.int16), small)
    assert path.read_bytes() == GOOD.encode()


def test_names_and_ids_are_those_of_the_competition(folder):
    competition = Competition(id_column="id", prediction_column="label", test_id_column="id")
    path = folder / "submission.csv"
    write_submission(path, [7, 0, 12345], [9, 8, 7], competition, [7, 0, 12345])
    assert path.read_text() == "id,label\n7,9\n0,8\n12345,7\n"
    check_submission(path, competition)


def test_lists_arrays_and_series_give_the_same_bytes(folder, small):
    for number, kind in enumerate((list, np.array, pd.Series)):
        path = folder / f"{number}.csv"
        write_submission(path, kind([1, 2, 3]), kind([0, 2, 1]), small, kind([1, 2, 3]))
        assert path.read_text() == GOOD


@pytest.mark.parametrize(
    ("ids", "labels", "sample", "text"),
    [
        ([1, 2], [0, 3], None, "line 3, column Label: '3' is not a class from 0 to 2; give each"),
        ([1, 2], [0.0, 1.0], None, "line 2, column Label: '0.0' is not a class from 0 to 2; give"),
        ([1, 2], [0, np.nan], None, "line 2, column Label: '0.0' is not a class from 0 to 2; give"),
        ([1, 2], [0, None], None, "line 3, column Label: 'None' is not a class from 0 to 2; give"),
        ([1, 1], [0, 1], None, "line 3, column ImageId: the id 1 is there twice; the ids must be"),
        ([2, 1], [0, 1], [1, 2], "line 2, column ImageId: 2 stands where 1 is expected; the ids"),
    ],
)
def test_nothing_is_written_if_it_is_not_valid(ids, labels, sample, text, folder, small):
    path = folder / "submission.csv"
    path.write_text("older")
    assert f"data/submission.csv, {text}" in message(
        write_submission, path, ids, labels, small, sample
    )
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [
        ("submission.csv", "older")
    ]


def test_ids_and_labels_must_be_as_many(folder, small):
    with pytest.raises(ValueError, match="shorter"):
        write_submission(folder / "a.csv", [1, 2], [0], small)


def test_a_valid_file_passes(check):
    check(GOOD)
    check(GOOD.replace("\n", "\r\n"))
    check(GOOD, ids=None)


@pytest.mark.parametrize("header", ["ImageId,label", "Label,ImageId", "ImageId", "ImageId,Label,x"])
def test_another_header_is_named(header, check):
    assert message(check, GOOD.replace("ImageId,Label", header)) == (
        f"data/submission.csv, line 1: the header is '{header}'; it must be ImageId,Label."
    )


def test_an_empty_file_has_no_header(check):
    assert message(check, "") == (
        "data/submission.csv, line 1: the header is ''; it must be ImageId,Label."
    )


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("2", "line 3: 1 value where the header has 2; correct or remove the row."),
        ("2,2,2", "line 3: 3 values where the header has 2; correct or remove the row."),
        ("x,2", "line 3, column ImageId: 'x' is not an id (an integer from 0); correct or"),
        (",2", "line 3, column ImageId: the value is missing; correct or remove the row."),
        ("2,", "line 3, column Label: the value is missing; give each test image one class."),
        ("2,x", "line 3, column Label: 'x' is not a class from 0 to 2; give each test image one"),
        ("2,-1", "line 3, column Label: '-1' is not a class from 0 to 2; give each test image"),
        ("2,1.0", "line 3, column Label: '1.0' is not a class from 0 to 2; give each test image"),
        ("1,2", "line 3, column ImageId: the id 1 is there twice" + OTHER_IDS),
        ("4,2", "line 3, column ImageId: 4 stands where 2 is expected" + OTHER_IDS),
    ],
)
def test_a_wrong_row_is_named(row, text, check):
    assert message(check, GOOD.replace("2,2", row)).startswith(f"data/submission.csv, {text}")


def test_swapped_ids_are_named(check):
    assert message(check, "ImageId,Label\n2,0\n1,0\n3,0\n") == (
        "data/submission.csv, line 2, column ImageId: 2 stands where 1 is expected" + OTHER_IDS
    )


def test_missing_rows_are_counted(check):
    assert message(check, GOOD.replace("3,1\n", "")) == (
        "data/submission.csv ends after 2 of 3 rows, before id 3" + OTHER_IDS
    )


def test_a_row_too_many_is_named(check):
    assert message(check, GOOD + "4,0\n") == (
        "data/submission.csv, line 5, column ImageId: 4 stands where no row is expected" + OTHER_IDS
    )


@pytest.mark.parametrize("ids", [None, (1, 2, 3)])
def test_a_header_alone_is_an_error(ids, check):
    assert message(check, "ImageId,Label\n", ids) == (
        "data/submission.csv has a header but no rows" + OTHER_IDS
    )


def test_without_a_sample_submission_ids_count_from_one(check):
    assert "line 2, column ImageId: 0 stands where 1 is expected" in message(
        check, "ImageId,Label\n0,1\n", None
    )


def test_a_frame_is_checked_as_its_file(small):
    frame = pd.DataFrame({"ImageId": [1, 2], "Label": [0, 1]}, index=[5, 6])
    check_submission(frame, small, [1, 2])
    assert message(check_submission, frame.assign(Label=[0.0, np.nan]), small) == (
        "the submission, line 2, column Label: '0.0' is not a class from 0 to 2; "
        "give each test image one class."
    )


def test_a_missing_file_is_named(folder, small):
    assert message(check_submission, folder / "submission.csv", small).startswith(
        "data/submission.csv cannot be read (No such file or directory)"
    )


def test_a_sample_submission_may_have_any_labels(folder, small):
    path = folder / "sample_submission.csv"
    path.write_text("ImageId,Label\n1,\n2,cat\n")
    ids = read_sample_submission(DataFile(path), small, [1, 2])
    assert ids.dtype == np.int64
    assert ids.tolist() == [1, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_what_is_written_is_read_back(labels, folder, small):
    ids = list(range(1, len(labels) + 1))
    write_submission(folder / "submission.csv", ids, labels, small)
    result = read_submission(DataFile(folder / "submission.csv"), small, ids)
    assert result.dtype == np.int16
    assert result.tolist() == labels
