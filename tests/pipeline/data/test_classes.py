import dataclasses

import numpy as np
import pytest

from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["3", "1", "24", "1"], (1, 3, 24)),
        (["-1", "+2", "0"], (-1, 0, 2)),
        (["5.0", "7.0"], (5, 7)),
        (["100000", "2"], (2, 100000)),
        (["a", "B", "é"], ("B", "a", "é")),
        (["01", "2"], ("01", "2")),
        (["1", "x"], ("1", "x")),
        (["0.5", "1"], ("0.5", "1")),
        (["9" * 19, "1"], ("1", "9" * 19)),
        (["NA", "nan"], ("NA", "nan")),
    ],
)
def test_classes_are_those_found(texts, values):
    classes = Classes.found(texts)
    assert classes.values == values
    y = classes.array(texts)
    assert y.dtype.kind == ("i" if isinstance(values[0], int) else "U")
    assert tuple(np.unique(y).tolist()) == values


def test_small_numbers_take_little_memory():
    assert Classes.listed(DIGIT_RECOGNIZER).array(["3", "4.0"]).dtype == np.int16


def test_listed_classes_have_other_spellings():
    classes = Classes.listed(DIGIT_RECOGNIZER)
    assert [classes.find(text) for text in ("5", "5.0", "+5", "005")] == [5, 5, 5, 5]
    assert [classes.find(text) for text in ("5.5", "10", "", "x", "9" * 5000)] == [None] * 5
    letters = dataclasses.replace(DIGIT_RECOGNIZER, classes=["b", "01"])
    assert [Classes.listed(letters).find(text) for text in ("01", "1", "b")] == ["01", None, "b"]


def test_many_classes_are_told_shortly():
    assert str(Classes((1, 2, 3))) == "a class from 1 to 3"
    assert str(Classes((1, 3))) == "one of the classes '1', '3'"
    letters = Classes(tuple("abcdefgh"))
    assert str(letters) == "one of the classes 'a', 'b', 'c', 'd', ..., 'h'"
