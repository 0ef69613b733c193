"""A run inside a Kaggle notebook: its input folders, its output folder, no network."""

import socket
from pathlib import Path

import pytest

from digit_recognizer.pipeline import run as run_module
from digit_recognizer.pipeline.sources import source


@pytest.fixture
def notebook(here, data, monkeypatch):
    """Kaggle's folders, with no way out; the files are in its input, and this is its output."""

    def refuse(*arguments):
        raise AssertionError("a notebook may have no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(source, "KAGGLE_INPUT", here / "kaggle/input")
    monkeypatch.setattr(run_module, "KAGGLE_WORKING", here / "kaggle/working")
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_of_the_user")
    (here / "kaggle/working").mkdir(parents=True)
    (here / "kaggle/working/small.toml").write_bytes((here / "small.toml").read_bytes())
    (here / "kaggle/input").mkdir()
    monkeypatch.chdir(here / "kaggle/working")
    return here / "kaggle"


@pytest.mark.parametrize("place", ["small", "competitions/small"])
def test_the_input_is_found_and_the_submission_is_the_output(place, notebook, data, run):
    (notebook / "input" / place).parent.mkdir(exist_ok=True)
    data.rename(notebook / "input" / place)
    before = sorted((notebook / "input").rglob("*"))
    status, output, errors = run("submit")
    assert status == 0, errors
    assert output.startswith(f"Data: the competition's files in {notebook / 'input' / place}.")
    output = (notebook / "working/submission.csv").read_bytes()
    assert output == (notebook / "working/submissions/submission.csv").read_bytes()
    assert sorted((notebook / "input").rglob("*")) == before


def test_elsewhere_the_output_folder_is_left_alone(notebook, data, run, here, monkeypatch):
    monkeypatch.chdir(here)
    assert run("submit")[0] == 0
    assert Path("submissions/submission.csv").is_file()
    assert not (notebook / "working/submission.csv").exists()
