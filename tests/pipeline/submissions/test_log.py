"""The log of submissions."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from digit_recognizer.command_line.tables import rendered
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.submissions import log

METRICS = {"cv_accuracy_mean": 0.98765432, "cv_accuracy_std": 0.001, "oof_accuracy": 0.9876}


def test_a_submission_is_one_row_and_the_older_rows_stay(tmp_path):
    path = tmp_path / "log.csv"
    log.append_once(path, "fast-1", "fast", METRICS, "ab" * 32)
    log.append_once(path, "mlp-2", "mlp", METRICS, "cd" * 32)
    first, second = log.read(path)
    assert (first["run"], second["run"]) == ("fast-1", "mlp-2")
    assert first["cv_accuracy_mean"] == "0.987654"
    assert second["sha256"] == "cd" * 32
    assert second["public_score"] == ""


def test_the_same_submission_of_the_same_run_has_one_row(tmp_path):
    path = tmp_path / "log.csv"
    for run, digest in (("a", "11"), ("a", "11"), ("a", "22"), ("b", "11")):
        log.append_once(path, run, "fast", METRICS, digest)
    rows = [(row["run"], row["sha256"]) for row in log.read(path)]
    assert rows == [("a", "11"), ("a", "22"), ("b", "11")]


def test_processes_that_log_at_the_same_time_lose_no_row(tmp_path):
    path = tmp_path / "log.csv"
    runs = [f"run-{number}" for number in range(40)]
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as executor:
        append = partial(log.append_once, path, recipe="fast", metrics=METRICS, digest="00")
        list(executor.map(append, runs))
    assert {row["run"] for row in log.read(path)} == set(runs)


def test_a_log_without_the_column_of_competitions_is_still_read(tmp_path):
    path = tmp_path / "log.csv"
    log.append_once(path, "fast-1", "fast", METRICS, "00", competition="other")
    lines = [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    log.append_once(path, "fast-2", "fast", METRICS, "01", competition="other")
    assert [row["competition"] for row in log.read(path)] == ["digit-recognizer", "other"]


def test_no_log_is_an_empty_log(tmp_path):
    assert log.read(tmp_path / "log.csv") == []


def test_a_byte_order_mark_is_no_part_of_the_log(tmp_path):
    path = tmp_path / "log.csv"
    log.append_once(path, "fast-1", "fast", METRICS, "ab" * 32)
    path.write_text(path.read_text(), encoding="utf-8-sig")
    log.append_once(path, "mlp-2", "mlp", METRICS, "cd" * 32)
    assert [row["run"] for row in log.read(path)] == ["fast-1", "mlp-2"]


HEADER = ",".join(log.COLUMNS).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + b"\n2026-01-01T00:00:00Z,fast-1\n", r"log\.csv, line 2: the row does not have"),
        (HEADER + b"\n" + b"," * 12 + b"\n", r"log\.csv, line 2: the row does not have 12 values"),
        (b"\xff\xfe", r"log\.csv is in UTF-16; save it as UTF-8\."),
    ],
    ids=["short", "long", "bytes"],
)
def test_a_damaged_log_is_named_and_kept(tmp_path, content, message):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        log.append_once(path, "fast-1", "fast", METRICS, "00")
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_log_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\); correct it, or move"):
        log.read(tmp_path)


def test_a_file_that_is_no_log_is_refused_and_kept(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"log\.csv, line 1: the columns are not those"):
        log.append_once(path, "fast-1", "fast", METRICS, "00")
    assert path.read_text() == "a,b\n1,2\n"


def test_the_way_to_another_competition_is_a_recipe_that_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "log.csv"

    def shown():
        return rendered(log.overview(log.read(path), "digit-recognizer")).splitlines()[-1]

    for run, recipe in (("mine-1", "mine"), ("blend-2", "blend")):
        log.append_once(path, run, recipe, METRICS, recipe, competition="Kannada-MNIST")
    assert "see `digit-recognizer log --recipe=NAME`" in shown()
    (tmp_path / "runs/blend-2").mkdir(parents=True)
    (tmp_path / "runs/blend-2/recipe.toml").write_text("")
    assert "see `digit-recognizer log --recipe=runs/blend-2/recipe.toml`" in shown()
    log.append_once(path, "kannada-3", "kannada", METRICS, "33", competition="Kannada-MNIST")
    assert "see `digit-recognizer log --recipe=kannada`" in shown()
