"""The history file of a network."""

import pytest

from digit_recognizer.pipeline.runs.history import read_history, write_history

ROWS = [
    {"epoch": 1, "loss": 0.5, "accuracy": 0.9, "learning_rate": 0.1, "seconds": 1.5},
    {"epoch": 2, "loss": 0.25, "learning_rate": 0.05, "seconds": 1.25},
]


def test_a_history_comes_back_as_text(tmp_path):
    path = tmp_path / "history.csv"
    write_history(path, ROWS)
    assert [(row["epoch"], row["loss"], row["accuracy"]) for row in read_history(path)] == [
        ("1", "0.5", "0.9"),
        ("2", "0.25", ""),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"seconds", b"sekonds"),
        (b"0.25", b"0.2u"),
        (b"2,0.25", b"x,0.25"),
        (b",1.25\n", b""),
        (b"0.5", b"0,5"),
        (b"0.5", b"\xff.5"),
        (b"0.5", b'"' + b"5" * 200_000),
    ],
)
def test_a_damaged_history_is_none(tmp_path, old, new):
    path = tmp_path / "history.csv"
    write_history(path, ROWS)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    assert read_history(path) == []


def test_there_is_none_before_the_first_epoch(tmp_path):
    assert read_history(tmp_path / "history.csv") == []
