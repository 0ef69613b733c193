"""The log of submissions."""

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline import log

METRICS = {"cv_accuracy_mean": 0.98765432, "cv_accuracy_std": 0.001, "oof_accuracy": 0.9876}


def test_a_submission_is_one_row_and_the_older_rows_stay(tmp_path):
    path = tmp_path / "log.csv"
    log.append(path, "fast-1", "fast", METRICS, "ab" * 32)
    log.append(path, "mlp-2", "mlp", METRICS, "cd" * 32)
    first, second = log.read(path)
    assert (first["run"], second["run"]) == ("fast-1", "mlp-2")
    assert first["cv_accuracy_mean"] == "0.987654"
    assert second["sha256"] == "cd" * 32
    assert second["public_score"] == ""


def test_no_log_is_an_empty_log(tmp_path):
    assert log.read(tmp_path / "log.csv") == []


def test_a_file_that_is_no_log_is_refused_and_kept(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"log\.csv, line 1: the columns are not those"):
        log.append(path, "fast-1", "fast", METRICS, "00")
    assert path.read_text() == "a,b\n1,2\n"
