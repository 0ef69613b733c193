"""Training rows that a recipe leaves out."""

import numpy as np
import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.dataset import Data
from digit_recognizer.pipeline.data.dropping import digest_with, drop_rows


@pytest.fixture
def data():
    """Four training rows, whose pixels are their numbers."""
    return Data(
        X_train=np.repeat(np.arange(1, 5, dtype=np.uint8)[:, np.newaxis], 4, axis=1),
        y_train=np.array(["a", "b", "a", "b"]),
        X_test=np.zeros((3, 4), np.uint8),
        test_ids=np.arange(1, 4),
        classes=Classes(("a", "b")),
        description="",
        files_digest="abc",
    )


def test_rows_are_left_out_and_the_others_keep_their_numbers(data, folder):
    path = folder / "rows.csv"
    path.write_text("suggestion,row,label\r\nb,2,b\r\nb,4,b\r\n")
    kept = drop_rows(data, path)
    assert kept.X_train[:, 0].tolist() == kept.rows.tolist() == [1, 3]
    assert kept.y_train.tolist() == ["a", "a"]
    assert kept.whole_fingerprint == data.fingerprint != kept.fingerprint
    assert kept.files_digest == digest_with("abc", path) != "abc"


def test_without_a_file_all_rows_stay(data):
    assert drop_rows(data, None) is data
    assert digest_with("abc", None) == "abc"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id\n1\n", r"rows\.csv, line 1: there is no column 'row'; give one"),
        ("", r"rows\.csv, line 1: there is no column 'row'"),
        ("row\n", r"rows\.csv lists no rows; correct \[data\] drop"),
        ("row\n1\n5\n", r"rows\.csv, line 3: '5' is no training row; give numbers from 1 to 4"),
        ("row\n0\n", r"line 2: '0' is no training row"),
        ("row\nx\n", r"line 2: 'x' is no training row"),
        ("label,row\na\n", r"line 2: '' is no training row"),
        ("row,label\n1,b\n", r"line 2: row 1 has the label 'a', not 'b'; make the file anew"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_line(data, folder, content, message):
    path = folder / "rows.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        drop_rows(data, path)


def test_a_missing_file_names_the_key(data):
    with pytest.raises(InputError, match=r"gone\.csv cannot be read .*correct \[data\] drop"):
        drop_rows(data, "gone.csv")
