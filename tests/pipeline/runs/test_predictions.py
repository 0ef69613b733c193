"""The predictions of runs, read back: missing, damaged, altered since."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer.checksummed import write_checksummed
from digit_recognizer.errors import InputError
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.runs.predictions import read_out_of_fold
from run_files import write_run


def test_a_run_without_predictions_is_not_finished(runs):
    (write_run(runs / "a") / "oof.csv").unlink()
    with pytest.raises(InputError, match=r"runs/a/oof.csv is not there: the run is not finished"):
        read_out_of_fold(runs / "a", runs)


@pytest.mark.parametrize("has_metrics", [True, False])
@given(data=st.data())
def test_a_truncated_table_is_one_sentence(tmp_path_factory, has_metrics, data):
    runs = tmp_path_factory.mktemp("runs")
    folder = write_run(runs / "a")
    content = (folder / "oof.csv").read_bytes()
    n_kept = data.draw(st.integers(0, len(content) - 1))
    (folder / "oof.csv").write_bytes(content[:n_kept])
    if not has_metrics:
        (folder / "metrics.json").unlink()
        # Whole lines without metrics are a shorter table, which no other run agrees with.
        if content[:n_kept].endswith(b"\n") and content[:n_kept].count(b"\n") > 1:
            return
    with pytest.raises(InputError, match=r"oof\.csv (is damaged|has \d+ rows of 40)") as caught:
        read_out_of_fold(runs / "a", runs)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("submit with its recipe again, which mends the run.")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("row,fold,label", "row,fold,class", "its columns are not"),
        ("probability_3", "p3", "its columns are not"),
        ("\n7,", "\n8,", "not numbered in order"),
        ("0.7", "seven", "a probability is not a number"),
        ("0.7", "", "a probability is not a number"),
        ("\n1,1,0,0", "\n1,1,0.5,0", "none of its classes"),
        ("\n1,1,0,0", "\n1,1,,0", "none of its classes"),
        ("\n1,1,0,0", "\n1,1,0,0,0", "not the table"),
        ("\n", ",0.1\n", "not the table|its columns are not"),
        ("row", "r\xf8w", "not the table|its columns are not"),
        ("\n1,1,0,0", "\n1,1,99999999999999999999,0", "none of its classes"),
    ],
)
def test_a_damaged_table_is_one_sentence(runs, old, new, fault):
    path = write_run(runs / "a") / "oof.csv"
    text = path.read_text().replace("\n1,2,0,0", "\n1,1,0,0")
    assert old in text
    path.write_bytes(text.replace(old, new).encode("latin-1"))
    with pytest.raises(InputError, match=rf"runs/a/oof.csv is damaged \(.*({fault})") as caught:
        read_out_of_fold(runs / "a", runs)
    assert "\n" not in str(caught.value)


def test_a_header_alone_is_damage(runs):
    folder = write_run(runs / "a")
    path = folder / "oof.csv"
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    with pytest.raises(InputError, match=r"damaged \(it has no rows"):
        read_out_of_fold(runs / "a", runs)


@pytest.mark.parametrize("content", [b"", b'{"n_train": 4', b"[]", b"3", b"\xff"])
def test_damaged_metrics_are_one_sentence(runs, content):
    (write_run(runs / "a") / "metrics.json").write_bytes(content)
    with pytest.raises(
        InputError, match=r"runs/a/metrics.json is damaged \(.*\); submit with its recipe again"
    ):
        read_out_of_fold(runs / "a", runs)


@pytest.mark.parametrize("name", ["oof.csv", "metrics.json"])
def test_a_folder_in_place_of_a_file_is_one_sentence(runs, name):
    folder = write_run(runs / "a")
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(InputError, match=f"runs/a/{name} cannot be read"):
        read_out_of_fold(runs / "a", runs)


def test_predictions_that_were_altered_since_are_refused(runs):
    folder = write_run(runs / "a")
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["sha256"]
    digest = sha256(folder / "oof.csv")
    write_checksummed(folder / "metrics.json", metrics | {"files": {"oof.csv": digest}})
    read_out_of_fold(runs / "a", runs)
    path = folder / "oof.csv"
    path.write_text(path.read_text().replace("0.7", "0.6", 1))
    with pytest.raises(InputError, match=r"oof.csv is not as the run wrote it; submit with its"):
        read_out_of_fold(runs / "a", runs)


def test_metrics_that_were_altered_since_are_refused(runs):
    path = write_run(runs / "a") / "metrics.json"
    path.write_text(path.read_text().replace("abc", "abd"))
    with pytest.raises(InputError, match=r"metrics.json is damaged \(it is not as the run wrote"):
        read_out_of_fold(runs / "a", runs)
